"""The rearrangement as a composition: rotations, sweeps of geodesics in planes, paths and inverses."""

import sys

import numpy as np
import pytest
from differences import derivative
from fields import random_geodesic
from maps import small_maps
from scipy.linalg import expm
from scipy.stats import ortho_group, special_ortho_group

from eulerot.errors import SampleWarning
from eulerot.euler.grid import Grid
from eulerot.flows.linear import LinearFlow
from eulerot.flows.rearranged import RearrangedFlow
from eulerot.rearrangement.composition import Rearrangement
from eulerot.rearrangement.rotations import rotation_power
from eulerot.rearrangement.sweep import Sweep


def geodesic(seed):
    return random_geodesic(Grid((12, 12), "cube"), 2.0, seed, steps=24)


def rotations(dim):
    signs = np.diag([-1.0, -1.0, *np.ones(dim - 2)])
    turn = special_ortho_group.rvs(dim, random_state=dim)
    return [np.eye(dim), signs, turn @ signs @ turn.T, turn, turn @ turn.T]


@pytest.mark.parametrize("dim", [2, 3, 5, 8])
def test_powers_of_a_rotation_are_a_group(dim):
    generator = np.random.default_rng(dim).standard_normal((dim, dim))
    generator = 0.3 * (generator - generator.T)
    assert np.allclose(rotation_power(expm(generator), 0.3), expm(0.3 * generator), atol=1e-12)
    for rotation in rotations(dim):
        assert np.allclose(rotation_power(rotation, 1.0), rotation, atol=1e-10)
        half = rotation_power(rotation, 0.5)
        assert np.allclose(half @ half, rotation, atol=1e-10) and np.isclose(np.linalg.det(half), 1.0)


def test_planes_move_on_their_own():
    axes = special_ortho_group.rvs(5, random_state=1)
    sweep = Sweep((geodesic(0), geodesic(1)), axes, ((0, 3), (4, 1)))
    z = np.random.default_rng(2).standard_normal((50, 5))
    before, after = z @ axes.T, sweep.forward(z) @ axes.T
    assert np.abs(after - before)[:, 2].max() < 1e-12
    for number, plane in enumerate(sweep.planes):
        alone = Sweep((geodesic(number),), np.eye(2)).forward(before[:, plane])
        assert np.allclose(after[:, plane], alone, atol=1e-12) and np.abs(alone - before[:, plane]).max() > 0.1


def test_composition_inverse_path_and_volume():
    rotation, axes = (special_ortho_group.rvs(4, random_state=seed) for seed in (3, 4))
    first = Sweep((geodesic(0), geodesic(1)), np.eye(4), ((0, 1), (2, 3)))
    second = Sweep((geodesic(2),), axes, ((3, 1),))
    s = Rearrangement(rotation, (first, second))
    z = np.random.default_rng(5).standard_normal((40, 4))
    y = s.forward(z)
    assert np.allclose(y, second.forward(first.forward(z @ rotation.T)), atol=1e-12)
    assert np.abs(s.inverse(y) - z).max() < 1e-9
    assert np.abs(s.log_abs_det(z)).max() < 1e-8
    path = s.path(z, [0.0, 0.2, 1 / 3, 2 / 3, 0.9, 1.0])
    assert np.allclose(path[0], z) and np.allclose(path[1], z @ rotation_power(rotation, 0.6).T)
    assert np.allclose(path[2], z @ rotation.T) and np.allclose(path[-1], y, atol=1e-7)
    assert np.allclose(path[3], first.forward(z @ rotation.T), atol=1e-7)
    assert len(s.geodesics) == 3 and not s.is_identity and Rearrangement.identity(4).is_identity


def test_refuses_what_is_no_rearrangement():
    with pytest.raises(ValueError, match="rotation: expected an orthogonal matrix"):
        Rearrangement(2 * np.eye(2))
    with pytest.raises(ValueError, match="sweeps: expected the dimension of the rotation, 2; got 3"):
        Rearrangement(np.eye(2), (Sweep((geodesic(0),), np.eye(3)),))
    for planes in (((0, 0),), ((0, 5),), ((0, 1), (1, 2)), ((0, 1, 2),)):
        with pytest.raises(ValueError, match="planes: expected for each geodesic as many axes as it has"):
            Sweep((geodesic(0),) * len(planes), np.eye(3), planes)
    with pytest.raises(ValueError, match="axes: expected an orthogonal matrix"):
        Sweep((geodesic(0),), ortho_group.rvs(2, random_state=0) + 0.1)


def pulled_by_differences(move, at, covectors):
    """The derivative by each coordinate of the sum of products, by differences of fourth order."""

    def along(axis):
        shift = np.eye(at.shape[1])[axis]
        return derivative(lambda h: np.sum(move(at + h * shift) * covectors, axis=1), 3e-4)

    return np.stack([along(axis) for axis in range(at.shape[1])], axis=1)


@pytest.mark.parametrize("name", list(small_maps()))
def test_pullbacks_against_differences(name):
    s = small_maps()[name]
    rng = np.random.default_rng(0)
    z, covectors = 1.2 * rng.standard_normal((20, s.dim)), rng.standard_normal((20, s.dim))
    for move, pull in ((s.forward, s.pullback), (s.inverse, s.inverse_pullback)):
        by_differences = pulled_by_differences(move, z, covectors)
        assert np.abs(pull(z, covectors) - by_differences).max() < 1e-8 * np.abs(by_differences).max()
    assert np.abs(s.inverse_pullback(s.forward(z), s.pullback(z, covectors)) - covectors).max() < 1e-4


def test_pullbacks_far_out_and_clipped():
    s = Rearrangement(np.eye(2), (Sweep((geodesic(0),), np.eye(2)),))
    far = np.array([[8.0, -9.0], [-20.0, 0.5], [30.0, 30.0]])
    found = s.pullback(far, np.ones((3, 2)))
    assert np.abs(found - pulled_by_differences(s.forward, far, np.ones((3, 2)))).max() < 1e-6 * np.abs(found).max()
    with pytest.warns(SampleWarning):
        assert s.pullback([[40.0, 0.0]], [[1.0, 1.0]])[0, 0] == 0
    with pytest.raises(ValueError, match="covectors: expected one for each row of z, 3; got 2"):
        s.pullback(far, np.ones((2, 2)))


@pytest.mark.parametrize(
    ("package", "extra", "export"),
    [
        ("torch", "torch", lambda s: s.to_torch()),
        ("flowjax", "jax", lambda s: s.to_jax()),
        ("distrax", "jax", lambda s: s.to_jax(library="distrax")),
        ("torch", "torch", lambda s: RearrangedFlow(LinearFlow(np.eye(2), np.zeros(2)), s).to_torch()),
        ("jax", "jax", lambda s: RearrangedFlow(LinearFlow(np.eye(2), np.zeros(2)), s).to_jax()),
        ("torch", "torch", lambda s: s.tabulated().to_torch()),
        ("flowjax", "jax", lambda s: s.tabulated().to_jax()),
    ],
)
def test_a_missing_library_names_its_extra(package, extra, export, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf"to_\w+ needs {package}: run `pip install eulerot\[{extra}\]`"):
        export(Rearrangement.identity(2))
