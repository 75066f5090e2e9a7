"""Flows of velocities in torch and jax, as the documentation of their libraries writes them."""

import copy
import pickle

import numpy as np
import pytest

import eulerot
from eulerot._jacobian import log_abs_det
from eulerot.flows.protocol import check_flow
from eulerot.latent.source import log_normal, normal_points

pytestmark = [pytest.mark.flows, pytest.mark.filterwarnings("ignore")]


def network(inputs, *, double=False, dropout=False):
    import torch
    from torch import nn

    torch.manual_seed(0)
    layers = [nn.Linear(inputs, 32), nn.Tanh(), *([nn.Dropout(0.5)] if dropout else []), nn.Linear(32, 2)]
    return nn.Sequential(*layers).double() if double else nn.Sequential(*layers)


def torchcfm(double=False):
    """A network of position and time, wrapped as torchcfm's ``torch_wrapper`` does; its training mode is left on."""
    import torch

    class Wrapper(torch.nn.Module):
        def __init__(self, model):
            super().__init__()
            self.model = model

        def forward(self, t, x, *args, **kwargs):
            return self.model(torch.cat([x, t.repeat(x.shape[0])[:, None]], 1))

    return Wrapper(network(3, double=double, dropout=True))


def flow_matching():
    """A model of position and time, wrapped by flow_matching's ``ModelWrapper``."""
    import torch
    from flow_matching.utils import ModelWrapper

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.main = network(3)

        def forward(self, x, t):
            t = t.reshape(-1, 1).float().expand(x.shape[0], 1)
            return self.main(torch.cat([x, t], dim=1))

    class Wrapped(ModelWrapper):
        def forward(self, x, t, **extras):
            return self.model(x, t)

    return Wrapped(Model())


def torchdiffeq():
    """A module as torchdiffeq's ``odeint`` takes it."""
    import torch

    class Rate(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = network(2)

        def forward(self, t, y):
            return self.net(y**3 / 10) + t * torch.sin(y)

    return Rate()


def rectified():
    """A function of a network that takes a column of times, as rectified flows write it."""
    import torch

    net = network(3)
    return lambda x, t: net(torch.cat([x, t], dim=1))


def jax_rows():
    import jax.numpy as jnp

    return lambda t, x: jnp.sin(x[:, ::-1] + t) + 0.3 * jnp.cos(x)


def equinox_single():
    import equinox as eqx
    import jax
    import jax.numpy as jnp

    mlp = eqx.nn.MLP(3, 2, 16, 2, activation=jax.nn.tanh, key=jax.random.key(0))
    return lambda t, y: mlp(jnp.append(y, t))


MODELS = {
    "torchcfm": (torchcfm, "number", True),
    "torchcfm double": (lambda: torchcfm(double=True), "number", False),
    "flow_matching": (flow_matching, "number", True),
    "torchdiffeq": (torchdiffeq, "number", True),
    "rectified": (rectified, "column", True),
    "jax rows": (jax_rows, "number", True),
    "equinox single": (equinox_single, "single", True),
}


@pytest.mark.parametrize("name", list(MODELS))
def test_maps_density_and_error(name):
    make, form, single = MODELS[name]
    flow = eulerot.velocity_flow(make(), 2)
    assert flow.field.form == form and (flow.field.arrays.rounding_unit > 1e-10) == single
    assert flow.field.order == ("xt" if name in ("flow_matching", "rectified") else "tx")
    assert 0 < flow.error < (1e-2 if single else 1e-5)
    z = normal_points(64, 2)
    x = flow.forward(z)
    assert np.abs(flow.inverse(x) - z).max() < 20 * max(flow.error, flow.tolerance)
    exact = flow if single else eulerot.velocity_flow(make(), 2, tolerance=1e-11)  # for differences of short steps
    implied = log_normal(z) - log_abs_det(exact.forward, z, 1e-2 if single else 1e-4)
    assert np.median(np.abs(exact.log_prob(x) - implied)) < (2e-3 if single else 1e-5)
    check_flow(flow)


def test_torchdiffeq_agrees():
    import torch
    from torchdiffeq import odeint

    model = torchdiffeq().double()
    flow = eulerot.velocity_flow(model, 2, tolerance=1e-9)
    z = normal_points(32, 2)
    with torch.no_grad():
        path = odeint(model, torch.tensor(z), torch.tensor([0.0, 1.0], dtype=torch.float64), rtol=1e-9, atol=1e-9)
    assert np.abs(flow.forward(z) - path[-1].numpy()).max() < 1e-6


def test_flow_matching_agrees():
    import torch
    from flow_matching.solver import ODESolver

    model = flow_matching()
    flow = eulerot.velocity_flow(model, 2)
    z = normal_points(32, 2)
    solver = ODESolver(velocity_model=model)
    start = torch.tensor(z, dtype=torch.float32)
    end = solver.sample(x_init=start, method="dopri5", step_size=None, atol=1e-6, rtol=1e-6)
    assert np.abs(flow.forward(z) - end.detach().numpy()).max() < 1e-3


def test_modes_are_left_alone_and_twins_are_kept():
    model = torchcfm()
    twin = eulerot.rearrange(eulerot.velocity_flow(model, 2), n_pairs=256, modes=4)
    assert model.training and model.model[2].training
    y, x = twin.pairs(8)
    assert np.array_equal(copy.deepcopy(twin).forward(y), twin.forward(y))
    model.eval()
    assert np.array_equal(twin.forward(y), eulerot.RearrangedFlow(twin.flow, twin.rearrangement).forward(y))
    assert twin.log_prob(x).shape == (8,)
    flow = eulerot.velocity_flow(equinox_single(), 2)
    assert np.array_equal(copy.deepcopy(flow).forward(y), flow.forward(y))
    assert pickle.loads(pickle.dumps(twin.rearrangement)).dim == 2


def test_what_cannot_be_called():
    with pytest.raises(eulerot.FlowError, match=r"expected v\(t, x\) of shape .* it raised TypeError: Sequential"):
        eulerot.velocity_flow(network(7), 2)


@pytest.mark.parametrize("make", [torchcfm, lambda: torchcfm(double=True), flow_matching, rectified])
def test_twins_in_torch(make):
    import torch
    from maps import small_maps

    v = make()
    twin = eulerot.RearrangedFlow(eulerot.velocity_flow(v, 2), small_maps()["reflected"])
    if hasattr(v, "eval"):
        v.eval()
    there, kind = twin.to_torch(), twin.flow.field.arrays.dtype
    y, x = twin.pairs(16)
    data = torch.tensor(x, dtype=kind).requires_grad_()
    density = there.log_prob(data)
    near = 1e-4 if kind == torch.float64 else 5e-3
    assert density.dtype == kind and np.abs(density.detach().numpy() - twin.log_prob(x)).max() < near
    assert np.abs(there.forward(torch.tensor(y, dtype=kind)).detach().numpy() - x).max() < near
    assert np.abs(there.inverse(data).detach().numpy() - y).max() < 5 * near
    (slope,) = torch.autograd.grad(density.sum(), data)
    ahead, behind = (twin.log_prob(x + s * np.array([1e-2, 0.0])) for s in (1, -1))
    assert np.median(np.abs(slope[:, 0].numpy() - (ahead - behind) / 2e-2)) < 2e-2
    assert there.sample((5,)).shape == (5, 2)
    if hasattr(v, "parameters"):
        there.rsample((8,)).square().sum().backward()
        assert max(float(p.grad.abs().max()) for p in v.parameters() if p.grad is not None) > 0
