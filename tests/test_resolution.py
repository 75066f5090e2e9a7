"""Delivered geodesics solve the Euler equations: modes of the unknowns, of the field, and the geodesic error (20)."""

import numpy as np
import pytest
from differences import derivative
from fields import random_field

import eulerot
from eulerot import pages
from eulerot.euler import resolution
from eulerot.euler.equations import equation_of
from eulerot.euler.particles.advection import Advection
from eulerot.euler.resolution import MOST_MODES, geodesic_error, in_modes, resolved
from eulerot.latent.source import normal_points
from eulerot.shooting.objective import Objective, field_modes
from eulerot.shooting.parametrisation import Parametrisation

DOMAINS = [("cube", 2), ("torus", 2), ("cube", 3)]
LIMITS = [("cube", 2, 1e-3), ("cube", 2, 1e-4), ("torus", 2, 1e-3), ("cube", 3, 3e-3)]


def smooth(domain="cube", dim=2, modes=6, size=1.0, seed=0):
    """Return a geodesic of few modes, whose largest velocity is about `size`."""
    grid = eulerot.Grid.from_modes(modes, domain=domain, dim=dim)
    field = random_field(grid, seed, decay=3.0)
    speed = np.abs(equation_of(grid).velocity(field)).max()
    return eulerot.Geodesic.from_coefficients(size / speed * field, grid)


@pytest.mark.parametrize(("domain", "dim"), DOMAINS)
def test_the_same_field_on_another_grid(domain, dim):
    geodesic = smooth(domain, dim, 4)
    finer = in_modes(geodesic, 7)
    assert finer.grid.modes[0] >= 7 and finer.grid.domain == domain
    back = in_modes(finer, 4)
    assert np.array_equal(back.field0_hat, geodesic.field0_hat) or back.grid.modes[0] > geodesic.grid.modes[0]
    # one field: the same velocity in the middle, to be seen from a very short time
    points = np.full((1, dim), 1.0)
    ends = [
        eulerot.Geodesic.from_coefficients(g.field0_hat, g.grid, time=1e-4).forward(points) for g in (geodesic, finer)
    ]
    assert np.abs(ends[0] - ends[1]).max() < 1e-7


@pytest.mark.parametrize(("domain", "dim"), DOMAINS)
def test_a_steady_flow_has_no_error(domain, dim):
    grid = eulerot.Grid.from_modes(3, domain=domain, dim=dim)
    field = equation_of(grid).zeros()
    if dim == 2:
        field[0, 0] = 1.0 if domain == "cube" else 0.0  # nothing moves on the torus: a mean of the vorticity is no flow
    assert geodesic_error(eulerot.Geodesic.from_coefficients(field, grid)) < 1e-9


def test_the_error_is_that_of_a_much_finer_field():
    geodesic = smooth(size=2.0, modes=6)
    points = np.random.default_rng(0).uniform(0.05, 3.09, (2000, 2))
    reference = in_modes(geodesic, 40).in_steps(24, 96).forward(points)
    for modes in (6, 9, 13):
        each = in_modes(geodesic, modes)
        ends = each.in_steps(24, 96).forward(points)
        size = np.sqrt(np.mean(np.sum((reference - points) ** 2, axis=1)))
        exact = np.sqrt(np.mean(np.sum((ends - reference) ** 2, axis=1))) / size
        assert np.isclose(geodesic_error(each), exact, rtol=0.5) and exact > 1e-5


@pytest.mark.parametrize(("domain", "dim"), DOMAINS)
def test_coarse_interpolants_hardly_change_the_error(domain, dim, monkeypatch):
    geodesic = smooth(domain, dim, size=2.0)
    coarse = geodesic_error(geodesic)
    resolution._ends_of.cache_clear()
    monkeypatch.setattr(Advection, "coarser", lambda advection: advection)
    fine = geodesic_error(geodesic)
    resolution._ends_of.cache_clear()
    assert fine > 1e-5 and 0 < abs(coarse / fine - 1) < 1e-3


def test_what_is_beside_is_done_for_each_that_is_tried():
    geodesic, tried, done = smooth(size=2.0), [], []

    def beside(other):
        tried.append(other)
        return [lambda: done.append(other.grid.modes[0])]

    found, _ = resolved(geodesic, limit=1e-4, beside=beside)
    assert found is tried[-1] and done == [each.grid.modes[0] for each in tried] and len(done) > 1


@pytest.mark.parametrize(
    ("domain", "dim", "limit"), [("cube", 2, 1e-3), ("cube", 2, 1e-4), ("torus", 2, 1e-3), ("cube", 3, 3e-3)]
)
def test_resolved_geodesics_keep_to_the_limit(domain, dim, limit):
    geodesic = smooth(domain, dim, 5 if dim == 2 else 3, size=2.0 if dim == 2 else 0.7)
    found, error = resolved(geodesic, limit=limit)
    assert error <= limit and np.isclose(geodesic_error(found), error, rtol=0.3) and geodesic_error(geodesic) > limit
    assert found.grid.modes[0] > geodesic.grid.modes[0]


@pytest.mark.slow
def test_what_cannot_be_resolved_is_returned_with_its_error():
    found, error = resolved(smooth(modes=8, size=1.0, dim=3), limit=1e-9)
    assert found.grid.modes[0] >= MOST_MODES[3] and error > 1e-9


@pytest.mark.parametrize("domain", ["cube", "torus"])
@pytest.mark.parametrize("geodesics", [1, 2])
def test_gradients_by_fewer_unknowns_than_modes(domain, geodesics):
    unknowns, grid = (eulerot.Grid.from_modes(k, domain=domain) for k in (3, field_modes(3)))
    rng = np.random.default_rng(0)
    z = rng.standard_normal((40, 2)) if domain == "cube" else rng.uniform(-np.pi, np.pi, (40, 2))
    objective = Objective(z, z + 0.3 * np.sin(z[:, ::-1]) + 0.2, grid, steps=8, geodesics=geodesics, unknowns=unknowns)
    assert objective.size == geodesics * Parametrisation(equation_of(unknowns)).size
    theta, direction = 0.1 * rng.standard_normal((2, objective.size))
    gradient = objective(theta, 1e-3)[1]
    exact = derivative(lambda h: objective(theta + h * direction, 1e-3)[0], 1e-3)
    assert np.isclose(gradient @ direction, exact, rtol=1e-8)


def test_unknowns_of_a_field_with_more_modes():
    small, large = (equation_of(eulerot.Grid.from_modes(k)) for k in (3, 5))
    both = Parametrisation(large, small.grid)
    theta = np.random.default_rng(0).standard_normal(both.size)
    assert np.allclose(both.theta(both.field(theta)), theta) and both.field(theta).shape == large.shape
    assert np.array_equal(both.stiffness, Parametrisation(small).stiffness) and both.shape == small.shape


@pytest.fixture(scope="module")
def twin():
    return eulerot.rearrange(eulerot.zoo.load("eight_gaussians"), n_pairs=2048, modes=10, align=False, geodesics=1)


@pytest.mark.slow
def test_delivered_geodesics_are_resolved_and_say_so(twin, tmp_path):
    assert twin.fit.geodesic_error == twin.rearrangement.geodesic_error <= 1e-3
    assert twin.rearrangement.geodesics[0].grid.modes[0] > field_modes(10)
    report = twin.report(256)
    assert report.geodesic_error == twin.fit.geodesic_error and "geodesic error" in str(report)
    assert "geodesic error" in pages.flow_page(twin, report).html()
    twin.rearrangement.save(tmp_path / "map")
    assert eulerot.Rearrangement.load(tmp_path / "map").geodesic_error == twin.fit.geodesic_error
    assert twin.rearrangement.certificate().shortest


@pytest.mark.slow
def test_the_tail_limit_of_the_solver_accepts_what_is_delivered(twin):
    (geodesic,) = twin.rearrangement.geodesics
    assert eulerot.solve_euler(geodesic.field0, geodesic.grid, time=geodesic.time).status == "completed"


@pytest.mark.slow
def test_planes_of_sweeps_are_resolved():
    z = normal_points(1024, 4)
    x = 1.5 * np.concatenate([z[:, :2] + np.sin(2 * z[:, 1::-1]) * [1, -1], z[:, 2:]], axis=1)
    s = eulerot.fit(z, x, geodesics=2, align=False).rearrangement
    assert s.sweeps and 0 < s.geodesic_error <= 1e-3


@pytest.mark.slow
def test_a_fit_that_cannot_be_resolved_says_so(monkeypatch):
    monkeypatch.setitem(MOST_MODES, 2, 6)
    z = normal_points(600, 2)
    found = eulerot.fit(z, eulerot.zoo.load("two_moons").forward(z), modes=6, align=False, regularisation=1e-5)
    assert found.geodesic_error > 1e-3 and "away from that of the Euler equations" in found.message
    assert eulerot.Rearrangement.identity(3).geodesic_error == 0.0
