"""The contract of the adapters, over real flows of every library; a library that is missing is a failure."""

import subprocess
import sys
from functools import cache

import numpy as np
import pytest
from flow_models import CASES, nflows_flow, own_torch, pyro_flow, zuko_flow
from scipy.stats import kstest

import eulerot
from eulerot._jacobian import log_abs_det
from eulerot.flows.adapters.adapted import AdaptedFlow
from eulerot.flows.protocol import check_flow
from eulerot.latent.source import log_normal, normal_points

pytestmark = [pytest.mark.flows, pytest.mark.filterwarnings("ignore")]

NAMES = [case.name for case in CASES]


@cache
def adapted(name):
    case = CASES[NAMES.index(name)]
    return eulerot.flow(case.make(), context=case.context)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_contract(case):
    flow = adapted(case.name)
    single = getattr(flow, "precision", 0.0) > 1e-10
    assert single == (not case.double and case.name != "zuko GMM")
    assert isinstance(flow, AdaptedFlow) == (case.name != "zuko GMM")
    z = np.random.default_rng(5).standard_normal((200, case.dim))
    x = flow.forward(z)
    trip = np.abs(flow.inverse(x) - z).max(axis=1)
    assert np.quantile(trip, 0.9) < (1e-4 if single else 1e-9)
    step = 1e-3 if single else 1e-5
    gap = np.abs(flow.log_prob(x) - log_normal(z) + log_abs_det(flow.forward, z, step))
    assert np.quantile(gap, 0.9) < (1e-7 if case.double else 6e-3)
    assert x.dtype == np.float64 and x.shape == z.shape and flow.log_prob(x).shape == (200,)
    assert np.array_equal(flow.sample(7, seed=1), flow.sample(7, seed=1))
    assert flow.sample(7, seed=1).shape == (7, case.dim)


PLANAR = [case for case in CASES if case.dim == 2]  # what the fit takes


@pytest.mark.parametrize("case", PLANAR, ids=[case.name for case in PLANAR])
def test_twin_has_the_density_and_a_cost_that_is_not_higher(case):
    flow = adapted(case.name)
    twin = eulerot.rearrange(flow, n_pairs=256, modes=3, seed=0, max_iterations=20)
    # Differences in single precision across the rearrangement: its bends and the kinks of splines fall together
    check_flow(twin, tolerance=1e-2 if case.double else 0.1)
    assert twin.flow is flow
    z = np.random.default_rng(6).standard_normal((1000, case.dim))
    x = flow.forward(z)
    y = twin.rearrangement.forward(z)
    assert np.allclose(twin.log_prob(x), flow.log_prob(x), atol=1e-6)
    assert np.median(np.abs(twin.forward(y) - x)) < 1e-4
    before, after = (np.mean(np.sum((x - latents) ** 2, axis=1)) for latents in (z, y))
    assert after <= before * 1.01
    assert twin.map == getattr(flow, "map", None)


@pytest.mark.parametrize("name", ["normflows RealNVP", "zuko NICE", "distrax", "own NumPy single"])
def test_a_wasteful_flow_gains(name):
    case = CASES[NAMES.index(name)]
    twin = eulerot.rearrange(case.make(), n_pairs=1024, modes=5, seed=0)
    report = twin.report(1000, seed=3)
    assert report.closed > 0.5
    assert report.density_error < 1e-3
    assert "map: the maps of the model" in str(report)


@pytest.mark.parametrize(
    "name", ["zuko NSF", "nflows", "normflows spline, trainable base", "pyro", "flowjax coupling", "distrax", "tfp"]
)
def test_samples_are_those_of_the_model(name):
    flow = adapted(name)
    mine, theirs = flow.sample(4000, seed=0), flow.model_samples(4000, seed=0)
    for axis in range(2):
        assert kstest(mine[:, axis], theirs[:, axis]).statistic < 0.05


@pytest.mark.parametrize("name", ["zuko MAF double", "nflows conditional", "flowjax spline", "torch", "zuko GMM"])
def test_batches_give_the_same(name):
    case = CASES[NAMES.index(name)]
    small = eulerot.flow(case.make(), context=case.context, batch_size=37, check=False)
    z = normal_points(100, case.dim)
    assert np.allclose(small.forward(z), adapted(name).forward(z), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", [case.name for case in CASES if not case.exact])
def test_maps_that_are_missing_are_found_and_said_to_be(name):
    words = adapted(name).map
    assert ("Knothe-Rosenblatt map" in words) if name == "zuko GMM" else ("inverse map found numerically" in words)


def test_model_is_left_as_it_was():
    import torch

    model = nflows_flow(batch_norm=True)
    model._transform._transforms[0].eval()
    modes = [module.training for module in model.modules()]
    state = {key: value.clone() for key, value in model.state_dict().items()}
    random_state = torch.random.get_rng_state()
    flow = eulerot.flow(model)
    flow.sample(10, seed=0), flow.model_samples(10)
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(state[key], value) for key, value in model.state_dict().items())
    assert torch.equal(random_state, torch.random.get_rng_state())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_lazy_flow_follows_its_parameters():
    import torch

    model = zuko_flow("MAF")
    flow = eulerot.flow(model)
    z = normal_points(16, 2)
    before = flow.forward(z)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter *= 0.5
    assert np.abs(flow.forward(z) - before).max() > 1e-2
    check_flow(flow)


def test_context_is_needed_and_felt():
    model = nflows_flow(context=3)
    with pytest.raises(eulerot.FlowError, match="silently ignore"):
        eulerot.flow(model)
    with pytest.raises(ValueError, match=r"context: expected one finite vector, shape \(c,\); got shape \(2, 3\)"):
        eulerot.flow(model, context=np.zeros((2, 3)))
    x = np.ones((1, 2))
    a, b = (eulerot.flow(model, context=c).log_prob(x)[0] for c in ([0.0, 0.0, 0.0], [[3.0, 0.0, 0.0]]))
    assert abs(a - b) > 1e-2
    with pytest.raises(eulerot.FlowError, match="pyro model is conditional"):
        eulerot.flow(pyro_flow("conditional"))


def swapped_zuko():
    model = zuko_flow("MAF", double=True)
    return eulerot.flow(model, forward=lambda x: model().transform(x), inverse=lambda z: model().transform.inv(z))


def swapped_nflows():
    model = nflows_flow()
    return eulerot.flow(model, forward=model.transform_to_noise, inverse=model._transform.inverse)


def swapped_own():
    return eulerot.flow(own_torch(flipped=True))


@pytest.mark.parametrize("make", [swapped_zuko, swapped_nflows, swapped_own])
def test_swapped_direction_is_caught(make):
    with pytest.raises(eulerot.FlowError, match=r"log_prob.* differs .* by \d.*swapped direction"):
        make()


def test_methods_of_a_model_get_its_arrays():
    model = own_torch(flipped=True)
    flow = eulerot.flow(forward=model.inverse, inverse=model.forward, log_prob=model.log_prob, dim=2)
    z = normal_points(20, 2)
    assert np.allclose(flow.forward(z), eulerot.flow(own_torch()).forward(z))
    assert eulerot.flow(model, forward=model.inverse, inverse=model.forward).model is model


def test_a_map_of_the_model_can_be_left_out():
    model = zuko_flow("MAF", double=True)
    flow = eulerot.flow(model, forward="numerical")
    assert flow.numerical == "forward"
    z = normal_points(50, 2)
    assert np.abs(flow.forward(z) - adapted("zuko MAF double").forward(z)).max() < 1e-6


def test_stale_cache_is_caught_and_the_adapter_has_none():
    import torch
    from torch import distributions as law
    from torch.distributions import transforms

    class Reusing:
        """Writes its data into one tensor, so that a caching transform takes new data for old."""

        def __init__(self):
            base = law.Independent(law.Normal(torch.zeros(2), torch.ones(2)), 1)
            self.law = law.TransformedDistribution(base, [transforms.TanhTransform(cache_size=1)])
            self.tensors = {}

        def log_prob(self, x):
            tensor = self.tensors.setdefault(x.shape, torch.zeros(x.shape))
            tensor.copy_(torch.as_tensor(x))
            return self.law.log_prob(tensor)

    model = Reusing()
    assert eulerot.flow(model.law).library == "torch"
    model.log_prob(np.full((128, 2), 0.3))
    with pytest.raises(eulerot.FlowError, match=r"log_prob.* differs .*, by \d.*stale or random"):
        eulerot.flow(forward=np.tanh, inverse=np.arctanh, log_prob=model.log_prob, dim=2)


def test_random_density_is_caught():
    import zuko

    model = zuko.flows.CNF(features=2, hidden_features=(32,), exact=False)
    import torch

    with torch.no_grad():
        for parameter in model.parameters():
            parameter *= 3
    with pytest.raises(eulerot.FlowError, match="stale or random; the same rows in another order or company differ"):
        eulerot.flow(model)


def test_wrong_base_is_caught():
    import torch
    import zuko

    base = zuko.lazy.UnconditionalDistribution(
        zuko.distributions.DiagNormal, torch.tensor([0.0, 1.0]), torch.tensor([2.0, 2.0]), buffer=True
    )
    model = zuko.lazy.Flow([zuko_flow("MAF").transform], base)
    check_flow(eulerot.flow(model))  # the adapter knows the base
    maps = {"forward": lambda z: model().transform.inv(z), "inverse": lambda x: model().transform(x)}
    with pytest.raises(
        eulerot.SourceError, match=r"wrong base. .*mean \[.*\] and covariance \[\[(3\.9|4\.0).*Kolmogorov"
    ):
        eulerot.flow(model, **maps)


@pytest.mark.parametrize("kind", ["mixture", "laplace"])
def test_other_bases_are_refused(kind):
    import normflows as nf
    import pyro.distributions as dist
    import torch

    if kind == "mixture":
        q0 = nf.distributions.GaussianMixture(3, 2)
        model = nf.NormalizingFlow(q0, [nf.flows.Permute(2)])
    else:
        model = pyro_flow("spline", base=dist.Laplace(torch.zeros(2), torch.ones(2)).to_event(1))
    with pytest.raises(eulerot.SourceError, match=r"normal or uniform on a box; .* differs .* by \d"):
        eulerot.rearrange(model)


def test_latents_in_pieces_and_images_are_refused():
    import normflows as nf
    import torch
    from torch import distributions as law

    pieces = nf.MultiscaleFlow([nf.distributions.DiagGaussian(2)], [[nf.flows.Permute(2)]], [])
    with pytest.raises(eulerot.FlowError, match="several pieces"):
        eulerot.flow(pieces)
    image = law.Independent(law.Normal(torch.zeros(2, 3, 3), torch.ones(2, 3, 3)), 3)
    with pytest.raises(eulerot.FlowError, match=r"shape \(2, d\); got \(2, 2, 3, 3\)"):
        eulerot.flow(law.TransformedDistribution(image, [law.transforms.AffineTransform(0.0, 2.0)]))


def test_a_model_goes_straight_into_rearrange():
    case = CASES[NAMES.index("zuko MAF conditional")]
    twin = eulerot.rearrange(case.make(), context=case.context, n_pairs=256, modes=3)
    z = normal_points(10, 2)
    assert np.array_equal(twin.flow.forward(z), adapted(case.name).forward(z))


def test_no_flow_library_is_imported_before_a_model_of_it_is_at_hand():
    code = (
        "import sys, eulerot; eulerot.flow(forward=lambda z: 2 * z, dim=2); "
        "sys.exit(any(name in sys.modules for name in ('torch', 'jax', 'zuko', 'pyro', 'distrax')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
