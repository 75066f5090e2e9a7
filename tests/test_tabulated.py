"""Tables against the maps that they were made from."""

import dataclasses

import numpy as np
import pytest
from differences import jacobians
from fields import random_geodesic
from scipy.interpolate import BSpline
from scipy.stats import special_ortho_group

import eulerot
from eulerot.euler.grid import Grid
from eulerot.rearrangement.composition import Rearrangement
from eulerot.rearrangement.sweep import Sweep
from eulerot.rearrangement.tables import Stage

# Equation (19): splines of order 8 in c = z / sqrt(z^2 + 1.5^2), as far as |z| = 7
ORDER, SCALE, REACH = 8, 1.5, 7.0


def geodesic(seed):
    return random_geodesic(Grid.from_modes(5), 0.5, seed, steps=12)


def latents(n, dim, seed=7):
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.standard_normal((n, dim)), 3 * rng.standard_normal((n // 4, dim))])


@pytest.fixture(scope="module")
def exact():
    rotation, axes = (special_ortho_group.rvs(2, random_state=seed) for seed in (0, 1))
    return Rearrangement(rotation, (Sweep((geodesic(0),), axes), Sweep((geodesic(1),), axes)))


@pytest.fixture(scope="module")
def table(exact):
    return exact.tabulated()


def splined(table, latents, derivative=None):
    """The displacements, or their derivatives along an axis, by the splines of scipy."""
    cells, knots = len(table) - ORDER + 1, np.arange(1.0 - ORDER, len(table) + 1)
    basis = BSpline(knots, np.eye(len(table)), ORDER - 1)
    edge = REACH / np.hypot(REACH, SCALE)
    density = cells / (2 * edge)
    places = (latents / np.sqrt(latents**2 + SCALE**2) + edge) * density
    rate = density * SCALE**2 / (latents**2 + SCALE**2) ** 1.5
    weights = [
        basis.derivative()(places[:, i]) * rate[:, i, None] if i == derivative else basis(places[:, i])
        for i in range(2)
    ]
    return np.einsum("pi,pj,ijc->pc", *weights, table)


def test_splines_against_those_of_scipy():
    rng = np.random.default_rng(0)
    tables, z = 0.02 * rng.standard_normal((3, 20, 20, 2)), rng.uniform(-6, 6, (100, 2))
    stage, far = Stage(np.eye(2), ((0, 1),), (tables,)), np.zeros(100, dtype=bool)
    expected, log_det = z, np.zeros(100)
    for table in tables:
        derivatives = np.stack([splined(table, expected, axis) for axis in range(2)], axis=2)
        log_det += np.linalg.slogdet(np.eye(2) + derivatives)[1]
        expected = expected + splined(table, expected)
    change = log_det + 0.5 * np.sum(z**2 - expected**2, axis=1)  # and that of the Gaussian density
    assert np.allclose(stage.forward(z, far), expected, rtol=0, atol=1e-13) and not far.any()
    moved, total = stage.log_abs_det(z, far)
    assert np.allclose(moved, expected, rtol=0, atol=1e-13) and not far.any()
    assert np.abs(log_det).max() > 0.1 and np.allclose(total, change, rtol=0, atol=1e-12)


def test_what_is_beyond_the_table_is_said():
    tables = np.zeros((2, 16, 16, 2))
    tables[0, ..., 1] = 1.0
    z = np.array([[0.0, 0.0], [REACH, 0.0], [REACH + 0.01, 0.0], [0.0, REACH - 0.5], [0.0, -REACH - 0.5], [50.0, 50.0]])
    far = np.zeros(6, dtype=bool)
    Stage(np.eye(2), ((0, 1),), (tables,)).forward(z, far)
    assert far.tolist() == [False, False, True, True, True, True]  # the fourth one after the first table


def test_map_and_inverse_within_the_error_on_other_samples(exact, table):
    z = latents(4000, 2)
    away = np.linalg.norm(table.forward(z) - exact.forward(z), axis=1).max()
    back = np.linalg.norm(table.inverse(z) - exact.inverse(z), axis=1).max()
    assert table.error <= 5e-7 and max(away, back) <= 1e-6
    assert np.linalg.norm(exact.forward(z) - z, axis=1).max() > 0.3
    path = table.path(z[:5], [0.0, 1.0])
    assert np.allclose(path[1], table.forward(z[:5]), atol=1e-6)


def test_tails_out_to_the_end(exact, table):
    corners = np.array([[20.0, -20.0], [-30.0, 0.1], [12.0, 12.0], [-8.0, 25.0]])
    assert np.array_equal(table.forward(corners), exact.forward(corners))  # there the exact map serves
    assert np.array_equal(table.inverse(corners), exact.inverse(corners))
    assert np.array_equal(table.log_abs_det(corners), exact.log_abs_det(corners))
    edges = np.array([[6.9, -6.9], [-6.99, 0.3], [6.6, 5.0]])
    assert np.abs(table.forward(edges) - exact.forward(edges)).max() < 1e-6


def test_volume_is_that_of_the_table_itself(table):
    z = latents(400, 2)[:400]
    log_det = np.linalg.slogdet(jacobians(table.forward, z))[1]
    by_differences = log_det + 0.5 * np.sum(z**2 - table.forward(z) ** 2, axis=1)
    assert np.allclose(table.log_abs_det(z), by_differences, atol=1e-7)
    assert 0 < np.abs(table.log_abs_det(z)).max() < 2 * table.density_error < 20 * table.error + 1e-6


@pytest.mark.slow
def test_cells_follow_the_error(exact):
    coarse, fine = exact.tabulated(error=1e-3), exact.tabulated(error=1e-7)
    assert coarse.cells < fine.cells and fine.error <= 5e-8 < coarse.error <= 5e-4
    assert fine.density_error < coarse.density_error


def test_planes_and_axes_of_more_dimensions():
    axes = special_ortho_group.rvs(5, random_state=2)
    first = Sweep((geodesic(2), geodesic(3)), np.eye(5), ((0, 3), (4, 1)))
    exact = Rearrangement(np.eye(5), (first, Sweep((geodesic(4),), axes, ((2, 0),))))
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


@pytest.mark.slow
def test_refuses_what_it_cannot_do(exact):
    with pytest.raises(ValueError, match="error: expected a positive number"):
        exact.tabulated(error=0.0)
    quick = Sweep((random_geodesic(Grid.from_modes(1), 0.1, steps=1),), np.eye(2))
    with pytest.raises(eulerot.ResolutionError, match="Raise error"):
        Rearrangement(np.eye(2), (quick,)).tabulated(error=1e-16)
    solid = Sweep((random_geodesic(Grid((6, 6, 6), "cube"), 0.1),), np.eye(3))
    with pytest.raises(ValueError, match="expected sweeps of planes"):
        Rearrangement(np.eye(3), (solid,)).tabulated()
    with pytest.raises(ValueError, match="expected a rearrangement of normal latents; got one of angles"):
        Rearrangement(np.eye(2), shift=[1.0, 2.0]).tabulated()
