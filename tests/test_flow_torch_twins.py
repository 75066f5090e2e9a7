"""The contract of twins in torch: the NumPy twin, in the library of the flow, with gradients."""

import copy
from functools import cache

import numpy as np
import pytest
from flow_models import CASES, flowjax_flow, nflows_flow, normflows_flow, own_torch, pyro_flow, zuko_box, zuko_flow
from maps import planar_geodesic, small_maps

import eulerot
from eulerot.rearrangement.composition import Rearrangement
from eulerot.rearrangement.sweep import Sweep

pytestmark = [pytest.mark.flows, pytest.mark.filterwarnings("ignore")]
LIBRARIES = "zuko", "nflows", "normflows", "torch", "pyro", "own torch"
LEFT_OUT = "zuko GMM", "normflows planar", "pyro planar", "normflows residual"  # no map, or one that is numerical
TORCH = [case for case in CASES if case.name.startswith(LIBRARIES) and case.name not in LEFT_OUT]


def small_map(dim):
    """A map of two of the coordinates, after a rotation."""
    rotation = np.linalg.qr(np.random.default_rng(dim).standard_normal((dim, dim)))[0]
    return Rearrangement(rotation, (Sweep((planar_geodesic(0, 1.0),), np.eye(dim), ((0, dim - 1),)),))


@cache
def twins(name):
    """Return the NumPy twin, that of torch, and the model, in evaluation mode, of a case."""
    case = next(case for case in TORCH if case.name == name)
    model = case.make()
    for part in modules(model):
        part.eval()
    twin = numpy_twin(model, case.context, case.dim)
    return twin, twin.to_torch(), model


def numpy_twin(model, context, dim, exact=None):
    flow = eulerot.flow(model, context=context, check=False)
    return eulerot.RearrangedFlow(flow, small_map(dim) if exact is None else exact)


def modules(model):
    import torch

    found = model if isinstance(model, torch.nn.Module) else None
    parts = [found] if found is not None else [*getattr(model, "transforms", []), getattr(model, "transform", None)]
    return [part for part in parts if isinstance(part, torch.nn.Module)]


def first(value):
    return value[0] if isinstance(value, tuple) else value


def drawn(twin, n, method="sample"):
    """Return samples of a twin, whose library takes a number or a shape."""
    draw = getattr(twin, method)
    return first(draw((n,) if hasattr(twin, "event_shape") else n))


@pytest.mark.parametrize("case", TORCH, ids=lambda case: case.name)
def test_it_is_the_twin(case):
    import torch

    twin, there, _ = twins(case.name)
    y, x = twin.pairs(64, seed=1)
    tolerance = 1e-9 if case.double else 2e-3
    kind = torch.float64 if case.double else torch.float32
    data = torch.tensor(x, dtype=kind)
    density = there.log_prob(data).detach()
    assert density.dtype == kind and density.shape == (64,)
    assert np.median(np.abs(density.numpy() - twin.log_prob(x))) < 0.01 * tolerance
    assert np.quantile(np.abs(density.numpy() - twin.log_prob(x)), 0.9) < tolerance
    values = torch.tensor(twin.flow.base.from_normal(y), dtype=kind)  # latents in units of the model's base
    assert np.quantile(np.abs(there.forward(values).detach().numpy() - x), 0.9) < tolerance
    assert np.quantile(np.abs((there.inverse(data) - values).detach().numpy()), 0.9) < tolerance
    torch.manual_seed(0)
    samples = drawn(there, 256)
    assert samples.shape == (256, case.dim) and samples.dtype == kind
    assert np.isfinite(there.log_prob(samples.detach()).detach().numpy()).mean() > 0.99


@pytest.mark.parametrize("case", TORCH, ids=lambda case: case.name)
def test_gradients_reach_latents_data_and_parameters(case):
    import torch

    twin, there, model = twins(case.name)
    kind = torch.float64 if case.double else torch.float32
    values = torch.tensor(twin.flow.base.from_normal(np.random.default_rng(0).normal(size=(8, case.dim))), dtype=kind)
    parameters = [each for part in modules(model) for each in part.parameters() if each.requires_grad]
    data = there.forward(values.requires_grad_())
    data.square().sum().backward()
    assert torch.isfinite(values.grad).all() and (values.grad.abs().sum(1) > 0).all()
    x = data.detach().requires_grad_()
    there.log_prob(x).sum().backward()
    assert torch.isfinite(x.grad).all() and x.grad.abs().sum() > 0
    if parameters and case.name != "zuko CNF":  # which has none in evaluation mode
        assert sum(float(each.grad.abs().sum()) for each in parameters if each.grad is not None) > 0
        for each in parameters:
            each.grad = None
        drawn(there, 16, "rsample").square().sum().backward()
        assert sum(float(each.grad.abs().sum()) for each in parameters if each.grad is not None) > 0


def test_kinds():
    import nflows.flows
    import normflows
    import pyro.distributions
    import torch
    import zuko

    kinds = {
        "zuko NSF": zuko.distributions.NormalizingFlow,
        "nflows": nflows.flows.Flow,
        "normflows RealNVP": normflows.NormalizingFlow,
        "torch": torch.distributions.TransformedDistribution,
        "pyro": pyro.distributions.TransformedDistribution,
        "own torch": torch.distributions.TransformedDistribution,
    }
    for name, kind in kinds.items():
        assert isinstance(twins(name)[1], kind)


def test_gradients_are_exact():
    import torch

    _, there, _ = twins("zuko MAF double")
    x = there.sample((3,)).requires_grad_()
    assert torch.autograd.gradcheck(there.log_prob, x) and torch.autograd.gradcheck(there.forward, x)


@pytest.mark.parametrize("make", [lambda: zuko_flow("MAF", double=True), lambda: nflows_flow().double()])
def test_a_twin_is_a_flow_again(make):
    twin = numpy_twin(make(), None, 2)
    again = eulerot.flow(twin.to_torch())
    y, x = twin.pairs(50)
    assert np.abs(again.forward(y) - x).max() < 1e-6 and np.abs(again.log_prob(x) - twin.log_prob(x)).max() < 1e-6


def test_the_twin_follows_training():
    import torch

    model = zuko_flow("NICE")
    twin = numpy_twin(model, None, 2)
    there = twin.to_torch()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    x, losses = torch.randn(64, 2) + 2, []
    for _ in range(5):
        optimizer.zero_grad()
        loss = -there.log_prob(x).mean()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]
    assert np.allclose(there.log_prob(x).detach().numpy(), model().log_prob(x).detach().numpy(), atol=1e-4)


def test_modules_keep_the_map_in_their_state():
    import torch

    model = nflows_flow()
    there = numpy_twin(model, None, 2).to_torch()
    other = numpy_twin(nflows_flow(), None, 2, Rearrangement.identity(2)).to_torch()
    x = torch.randn(20, 2)
    assert not torch.allclose(other.inverse(x), there.inverse(x))
    other.load_state_dict(there.state_dict())
    assert torch.equal(other.inverse(x), there.inverse(x))
    assert torch.equal(copy.deepcopy(there).log_prob(x), there.log_prob(x))
    with pytest.raises(ValueError, match="context: expected none"):
        there.log_prob(x, context=x)
    normflows = numpy_twin(normflows_flow("realnvp"), None, 2).to_torch()
    assert any("_extra_state" in name for name in normflows.state_dict())
    assert normflows.rsample(5)[0].shape == (5, 2)


@pytest.mark.parametrize("make", [lambda: zuko_flow("NSF"), zuko_box])
def test_a_twin_of_tables(make):
    import torch

    twin = numpy_twin(make(), None, 2)
    exact, tables = twin.to_torch(), twin.to_torch(error=1e-3)
    x = exact.sample((100,)).detach()
    assert torch.allclose(tables.inverse(x), exact.inverse(x), atol=3e-3)
    assert torch.allclose(tables.log_prob(x), exact.log_prob(x), atol=2e-2)


def test_a_twin_on_angles():
    import torch

    flow = eulerot.flows.angles.on_angles(eulerot.flow(zuko_flow("NCSF"), check=False))
    twin = eulerot.RearrangedFlow(flow, small_maps()["torus"])
    there = twin.to_torch()
    y, x = twin.pairs(50)
    assert np.quantile(np.abs(there.forward(torch.tensor(y).float()).detach().numpy() - x), 0.9) < 1e-3
    assert np.abs(there.log_prob(torch.tensor(x).float()).detach().numpy() - twin.log_prob(x)).max() < 1e-3


def test_what_has_no_twin_there():
    from eulerot.flows.linear import LinearFlow

    linear = eulerot.RearrangedFlow(LinearFlow(np.eye(2), np.zeros(2)), Rearrangement.identity(2))
    functions = numpy_twin(own_torch(), None, 2)
    with pytest.raises(eulerot.FlowError, match=r"to_torch: expected .* got that of LinearFlow. Its map alone"):
        linear.to_torch()
    jax = numpy_twin(flowjax_flow("coupling"), None, 2)
    with pytest.raises(eulerot.FlowError, match="got that of flowjax"):
        jax.to_torch()
    assert functions.to_torch().has_rsample
    planar = numpy_twin(pyro_flow("planar"), None, 2).to_torch()
    assert planar.rsample((5,)).shape == (5, 2)  # without an inverse, as in pyro itself
    with pytest.raises(KeyError):
        planar.log_prob(planar.sample((5,)) + 1)


@pytest.mark.parametrize("kind", ["maf", "zuko_nsf"])
def test_a_twin_of_an_estimator_of_sbi(kind):
    import torch
    from test_flow_sbi import estimator, simulations

    model, x_o = estimator(kind).eval(), simulations()[1][:1]
    flow = eulerot.flow(model, context=x_o[0], check=False)
    twin = eulerot.RearrangedFlow(flow, small_map(2))
    there = twin.to_torch()
    theta = torch.tensor(twin.sample(20, seed=0), dtype=torch.float32).requires_grad_()
    density = there.log_prob(theta)
    density.sum().backward()
    assert torch.isfinite(theta.grad).all()
    expected = model.log_prob(theta.detach()[:, None], x_o)[:, 0]
    assert (density - expected).abs().quantile(0.9) < 2e-3
