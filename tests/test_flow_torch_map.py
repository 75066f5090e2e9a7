"""The map in torch: values, exact derivatives, shapes, dtypes, and the ways in which modules are kept."""

import copy
import io
import pickle

import numpy as np
import pytest
from maps import small_maps

from eulerot.rearrangement.composition import Rearrangement

pytestmark = pytest.mark.flows
MAPS = small_maps()


@pytest.fixture(params=list(MAPS))
def exact(request):
    return MAPS[request.param]


def latents(dim, *shape, seed=0):
    import torch

    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dim, dtype=torch.float64, generator=generator).requires_grad_()


def rows(tensor):
    return tensor.detach().numpy().reshape(-1, tensor.shape[-1])


def test_values_are_those_of_numpy_in_any_batch_shape(exact):
    s, z = exact.to_torch(), latents(exact.dim, 2, 3)
    assert np.array_equal(rows(s(z)), exact.forward(rows(z)))
    assert np.array_equal(rows(s.inv(z)), exact.inverse(rows(z)))
    assert np.allclose(s.log_abs_det(z).numpy().ravel(), exact.log_abs_det(rows(z)), atol=1e-15)
    assert s(z[0, 0]).shape == (exact.dim,) and s(z[:0]).shape == (0, 3, exact.dim)
    assert s.inv.inv is s and s.bijective and s.event_dim == 1
    assert s.domain.event_dim == s.codomain.event_dim == s.inv.domain.event_dim == 1


def test_derivatives_are_exact(exact):
    import torch

    s, z = exact.to_torch(), latents(exact.dim, 2)
    assert torch.autograd.gradcheck(s, z) and torch.autograd.gradcheck(s.inv, z)
    assert torch.autograd.gradcheck(lambda z: s.log_abs_det_jacobian(z, s(z)), z)
    jacobians = torch.func.vmap(torch.func.jacrev(s))(z.detach())
    for at, jacobian in zip(z, jacobians, strict=True):
        assert torch.allclose(torch.autograd.functional.jacobian(s, at), jacobian, atol=1e-12)
    sizes = torch.linalg.slogdet(jacobians)[1]
    assert torch.allclose(s.log_abs_det_jacobian(z, s(z)), sizes, atol=1e-6)
    assert torch.allclose(s.inv.log_abs_det_jacobian(s(z), z), -sizes, atol=1e-6)


def test_single_precision_comes_back_and_second_derivatives_do_not(exact):
    import torch

    s, z = exact.to_torch().float(), latents(exact.dim, 4)
    single = z.detach().float().requires_grad_()
    y = s(single)
    y.square().sum().backward()
    assert y.dtype == single.grad.dtype == torch.float32
    assert np.abs(rows(y) - exact.forward(rows(single))).max() < 1e-6
    (slope,) = torch.autograd.grad(s(z).square().sum(), z, create_graph=True)
    with pytest.raises(RuntimeError, match="second one"):
        slope.sum().backward()


def test_it_is_kept_in_every_way(exact):
    import torch

    s, z = exact.to_torch(), latents(exact.dim, 5)
    y, file = s(z), io.BytesIO()
    torch.save(s.inv, file)
    file.seek(0)
    assert torch.equal(pickle.loads(pickle.dumps(s))(z), y)
    assert torch.equal(copy.deepcopy(s.inv)(y), s.inv(y))
    assert torch.equal(torch.load(file, weights_only=False)(y), s.inv(y))
    file = io.BytesIO()
    torch.save(s.state_dict(), file)
    file.seek(0)
    other = Rearrangement.identity(exact.dim, domain=exact.domain).to_torch().float()
    assert torch.equal(other.inv(z), z) or exact.domain == "torus"
    other.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(other(z), y) and torch.equal(other.inv(y), s.inv(y))
    with pytest.raises(ValueError, match="expected a map of 7 dimensions of the cube"):
        Rearrangement.identity(7).to_torch().load_state_dict(s.state_dict())


def test_it_is_a_part_of_a_distribution_and_of_a_module():
    import torch
    from torch import distributions as law

    exact = MAPS["reflected"]
    s = exact.to_torch()
    base = law.MultivariateNormal(torch.zeros(2, dtype=torch.float64), torch.eye(2, dtype=torch.float64))
    moved = law.TransformedDistribution(base, [s.inv, law.AffineTransform(1.0, 2.0)])
    torch.manual_seed(0)
    x = moved.rsample((6,))
    density = base.log_prob((x - 1) / 2) - 2 * np.log(2)  # the map preserves the Gaussian
    assert torch.allclose(moved.log_prob(x), density, atol=1e-6)
    assert torch.equal(pickle.loads(pickle.dumps(moved)).log_prob(x), moved.log_prob(x))
    assert law.ComposeTransform([s, s.inv], cache_size=1)(x).shape == x.shape
    assert [*torch.nn.ModuleList([s]).state_dict()] == ["0._extra_state"] and not list(s.children())
    compiled = torch.compile(lambda z: 2 * s(z), backend="eager")
    assert torch.equal(compiled(x), 2 * s(x))


def test_bad_latents():
    import torch

    s = Rearrangement.identity(2).to_torch()
    with pytest.raises(ValueError, match=r"expected latents along the last axis, .*\(2, 3\)"):
        s(torch.zeros(2, 3))
    with pytest.raises(ValueError, match=r"z: expected a tensor of real numbers; got torch.int64"):
        s.inv(torch.zeros(2, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"z: expected finite values; got 1 rows of 2"):
        s(torch.tensor([[1.0, 2.0], [np.nan, 0.0]]))
