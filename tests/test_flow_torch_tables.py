"""Tables in torch: those of NumPy to rounding, compiled and exported, and differentiable."""

import copy
import io

import numpy as np
import pytest
from maps import planar_geodesic
from scipy.stats import special_ortho_group

from eulerot.rearrangement.composition import Rearrangement
from eulerot.rearrangement.sweep import Sweep

pytestmark = pytest.mark.flows


@pytest.fixture(scope="module")
def table():
    rotation, axes = (special_ortho_group.rvs(4, random_state=seed) for seed in (0, 1))
    both = Sweep((planar_geodesic(0, 0.3), planar_geodesic(1, 0.3)), axes, ((0, 3), (2, 1)))
    return Rearrangement(rotation, (both, Sweep((planar_geodesic(2, 0.3),), axes, ((3, 1),)))).tabulated(error=1e-4)


def latents(n, dim=4):
    import torch

    return torch.randn(n, dim, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_values_are_those_of_numpy(table):
    import torch

    s, z = table.to_torch(), latents(5000)
    for double, numpy in ((s, table.forward), (s.inv, table.inverse), (s.log_abs_det, table.log_abs_det)):
        assert np.abs(double(z).numpy() - numpy(z.numpy())).max() < 1e-12
    assert s(z.reshape(50, 100, 4)).shape == (50, 100, 4) and s(z[0]).shape == (4,) and s(z[:0]).shape == (0, 4)
    assert s.log_abs_det(z[0]).shape == ()
    single = copy.deepcopy(s).float()
    rounded = z.float()
    assert s(rounded).dtype == single(rounded).dtype == torch.float32
    for module, numpy in ((single, table.forward), (single.inv, table.inverse)):
        assert np.abs(module(rounded).numpy() - numpy(rounded.double().numpy())).max() < 1e-5


def test_it_is_differentiable(table):
    import torch

    s, z = table.to_torch(), latents(3).requires_grad_()
    for function in (s, s.inv, s.log_abs_det):
        assert torch.autograd.gradcheck(function, z)
    assert torch.autograd.gradgradcheck(s, z[:1])
    jacobians = torch.func.vmap(torch.func.jacrev(s))(z)
    assert torch.allclose(torch.linalg.slogdet(jacobians)[1], s.log_abs_det_jacobian(z, s(z)), atol=1e-13)
    back = torch.func.vmap(torch.func.jacrev(s.inv))(z)
    assert torch.allclose(torch.linalg.slogdet(back)[1], s.inv.log_abs_det_jacobian(z, s.inv(z)), atol=1e-13)


def test_far_latents_are_moved_by_the_edge(table):
    import torch

    s, z = table.to_torch(), latents(3)
    z[0] *= 50
    y = s(z.requires_grad_())
    y.sum().backward()
    assert torch.isfinite(y).all() and torch.isfinite(z.grad).all()
    assert (y[0].norm() - z[0].norm()).abs() < 10 and torch.isfinite(s.log_abs_det(z)).all()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch itself
def test_it_is_compiled_and_exported(table):
    import torch

    s, z = table.to_torch(), latents(64)
    compiled = torch.compile(s, fullgraph=True)
    assert torch.allclose(compiled(z), s(z), atol=1e-13)
    for function in (s.inv, s.log_abs_det):
        traced = torch.compile(function, fullgraph=True, backend="eager")
        assert torch.allclose(traced(z), function(z), atol=1e-13)
    for module in (s, s.inv):
        exported = torch.export.export(module, (z,), dynamic_shapes=({0: torch.export.Dim("n")},))
        assert torch.allclose(exported.module()(z[:5]), module(z[:5]), atol=1e-13)


def test_tables_are_buffers_that_both_directions_share(table):
    import torch

    s, file = table.to_torch(), io.BytesIO()
    inverse = s.inv
    state = s.state_dict()
    assert all(isinstance(value, torch.Tensor) for value in state.values())
    torch.save(state, file)
    file.seek(0)
    other = table.to_torch()
    for name, buffer in other.named_buffers():
        if name in state:
            buffer.zero_()
    z = latents(10)
    assert not torch.equal(other(z), s(z))
    other.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(other(z), s(z))
    s.float()
    assert inverse.tables.rotation.dtype == torch.float32 and inverse.inv is s
