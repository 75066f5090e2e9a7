"""Tables against the maps that they were made from."""

import dataclasses

import numpy as np
import pytest
from scipy.interpolate import BSpline
from scipy.stats import special_ortho_group

import eulerot
from eulerot.euler.geodesic import Geodesic
from eulerot.euler.grid import Grid
from eulerot.rearrangement import tabulated
from eulerot.rearrangement._kernels import EDGE, ORDER, REACH, SCALE, displace, slopes
from eulerot.rearrangement.composition import Rearrangement
from eulerot.rearrangement.sweep import Sweep


def geodesic(seed, threads=1):
    grid = Grid.from_modes(5)
    field = np.random.default_rng(seed).standard_normal(grid.points)
    return Geodesic(0.5 * field, grid, steps=12, threads=threads)


def latents(n, dim, seed=7):
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.standard_normal((n, dim)), 3 * rng.standard_normal((n // 4, dim))])


@pytest.fixture(scope="module")
def exact():
    turn = special_ortho_group.rvs(2, random_state=0)
    axes = special_ortho_group.rvs(2, random_state=1)
    return Rearrangement(turn, (Sweep((geodesic(0),), axes), Sweep((geodesic(1),), axes)))


@pytest.fixture(scope="module")
def table(exact):
    return exact.tabulated()


def splined(table, latents, derivative=None):
    """The displacements, or their derivatives along an axis, by the splines of scipy."""
    cells, knots = len(table) - ORDER + 1, np.arange(1.0 - ORDER, len(table) + 1)
    basis = BSpline(knots, np.eye(len(table)), ORDER - 1)
    density = cells / (2 * EDGE)
    places = (latents / np.sqrt(latents**2 + SCALE**2) + EDGE) * density
    rate = density * SCALE**2 / (latents**2 + SCALE**2) ** 1.5
    weights = [
        basis.derivative()(places[:, i]) * rate[:, i, None] if i == derivative else basis(places[:, i])
        for i in range(2)
    ]
    return np.einsum("pi,pj,ijc->pc", *weights, table)


def test_splines_against_those_of_scipy():
    rng = np.random.default_rng(0)
    tables, z = 0.1 * rng.standard_normal((3, 20, 20, 2)), rng.uniform(-6, 6, (100, 2))
    moved, far, jacobian = z.copy(), np.zeros(100, dtype=bool), np.empty((100, 2, 2))
    displace(tables, moved, far)
    slopes(tables[0], z, jacobian)
    expected = z
    for table in tables:
        expected = expected + splined(table, expected)
    assert np.allclose(moved, expected, atol=1e-13) and not far.any()
    for axis in range(2):
        assert np.allclose(jacobian[:, :, axis], splined(tables[0], z, axis), atol=1e-13)


def test_what_is_beyond_the_table_is_said():
    tables = np.zeros((2, 16, 16, 2))
    tables[0, ..., 1] = 1.0
    z = np.array([[0.0, 0.0], [REACH, 0.0], [REACH + 0.01, 0.0], [0.0, REACH - 0.5], [0.0, -REACH - 0.5], [50.0, 50.0]])
    far = np.zeros(6, dtype=bool)
    displace(tables, z, far)
    assert far.tolist() == [False, False, True, True, True, True]


def test_map_and_inverse_within_the_error_on_other_samples(exact, table):
    z = latents(4000, 2)
    away = np.linalg.norm(table.forward(z) - exact.forward(z), axis=1).max()
    back = np.linalg.norm(table.inverse(z) - exact.inverse(z), axis=1).max()
    assert table.error <= 5e-7 and max(away, back) <= 1e-6
    assert np.linalg.norm(exact.forward(z) - z, axis=1).max() > 0.3
    way = table.path(z[:5], [0.0, 1.0])
    assert np.allclose(way[1], table.forward(z[:5]), atol=1e-6)


def test_tails_out_to_the_end(exact, table):
    corners = np.array([[20.0, -20.0], [-30.0, 0.1], [12.0, 12.0], [-8.0, 25.0]])
    assert np.abs(table.forward(corners) - exact.forward(corners)).max() < 1e-6
    assert np.abs(table.inverse(corners) - exact.inverse(corners)).max() < 1e-6
    assert np.array_equal(table.log_abs_det(corners), exact.log_abs_det(corners))
    edges = np.array([[6.9, -6.9], [-6.99, 0.3], [6.6, 5.0]])
    assert np.abs(table.forward(edges) - exact.forward(edges)).max() < 1e-6


def test_volume_is_that_of_the_table_itself(table):
    z, h = latents(400, 2)[:400], 1e-5
    columns = [(table.forward(z + h * e) - table.forward(z - h * e)) / (2 * h) for e in np.eye(2)]
    y = table.forward(z)
    by_differences = np.log(np.abs(np.linalg.det(np.stack(columns, axis=2)))) + 0.5 * np.sum(z**2 - y**2, axis=1)
    assert np.allclose(table.log_abs_det(z), by_differences, atol=1e-7)
    assert 0 < np.abs(table.log_abs_det(z)).max() < 2 * table.density_error < 20 * table.error + 1e-6


def test_cells_follow_the_error(exact, monkeypatch):
    monkeypatch.setattr(tabulated, "_CHOICES", [(2**k, 1) for k in range(3, 10)])
    coarse, fine = exact.tabulated(error=1e-3), exact.tabulated(error=1e-7)
    assert coarse.cells < fine.cells and fine.error <= 5e-8 < coarse.error <= 5e-4
    assert fine.density_error < coarse.density_error


def test_planes_and_axes_of_more_dimensions():
    turn = special_ortho_group.rvs(5, random_state=2)
    first = Sweep((geodesic(2), geodesic(3)), np.eye(5), ((0, 3), (4, 1)))
    exact = Rearrangement(np.eye(5), (first, Sweep((geodesic(4),), turn, ((2, 0),))))
    table, z = exact.tabulated(error=1e-4), latents(400, 5)
    assert np.abs(table.forward(z) - exact.forward(z)).max() < 1e-4
    assert np.abs(table.inverse(table.forward(z)) - z).max() < 2e-3


def test_the_number_of_threads_changes_nothing(exact, table):
    sweeps = tuple(Sweep((dataclasses.replace(s.geodesics[0], threads=2),), s.axes) for s in exact.sweeps)
    z = latents(10_000, 2)
    other = Rearrangement(exact.rotation, sweeps).tabulated()
    assert np.array_equal(other.forward(z), table.forward(z)) and np.array_equal(other.inverse(z), table.inverse(z))


def test_a_rotation_alone_is_exact():
    exact = Rearrangement(special_ortho_group.rvs(3, random_state=3))
    z = latents(100, 3)
    assert np.allclose(exact.tabulated().forward(z), exact.forward(z), atol=1e-14)


def test_refuses_what_it_cannot_do(exact, monkeypatch):
    with pytest.raises(ValueError, match="error: expected a positive number"):
        exact.tabulated(error=0.0)
    monkeypatch.setattr(tabulated, "_CHOICES", [(64, 1)])
    with pytest.raises(eulerot.ResolutionError, match="Raise error"):
        exact.tabulated(error=1e-16)
    grid = Grid((6, 6, 6), "cube")
    still = Geodesic(np.zeros((3, *grid.points)), grid)
    with pytest.raises(ValueError, match="expected sweeps of planes"):
        Rearrangement(np.eye(3), (Sweep((still,), np.eye(3)),)).tabulated()
