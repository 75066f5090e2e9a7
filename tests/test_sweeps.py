"""More than two dimensions: sweeps of planes, their axes, the equations they solve, and geodesics in space."""

import numpy as np
import pytest
from scipy.linalg import expm

from eulerot.euler.geodesic import Geodesic
from eulerot.euler.grid import Grid
from eulerot.flows import zoo
from eulerot.flows.linear import LinearFlow
from eulerot.flows.rearranged import RearrangedFlow, rearrange
from eulerot.latent.chart import to_box, to_latent
from eulerot.latent.source import normal_points
from eulerot.rearrangement.sweep import Sweep
from eulerot.shooting.continuation import Continuation
from eulerot.shooting.fit import fit
from eulerot.shooting.objective import Objective
from eulerot.shooting.potential import regressed_potential
from eulerot.shooting.regression import OtherCoordinates, polynomial_degrees
from eulerot.shooting.sweep_axes import Slope, best_axes
from eulerot.transport.cost import lower_bound, transport_cost


def turned(seed, dim):
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((dim, dim)))[0]


def swirled(z, axes, peak=1.2):
    """Swirls in the planes (0, 1), (2, 3), ... of the axes: they preserve the Gaussian."""
    y = z @ axes.T
    for i in range(0, y.shape[1] - 1, 2):
        angle = peak * np.exp(-np.sum(y[:, i : i + 2] ** 2, axis=1) / 4)
        cos, sin = np.cos(angle), np.sin(angle)
        y[:, i], y[:, i + 1] = cos * y[:, i] - sin * y[:, i + 1], sin * y[:, i] + cos * y[:, i + 1]
    return y @ axes


def monge(y):
    """The gradient of a convex function."""
    return 1.3 * y + 0.6 * np.tanh(y) + 1.0


def test_a_planar_flow_solves_the_equations_of_space():
    # the theorem of docs/dimensions.md: (u(x_1, x_2), 0) is a geodesic in space where u is one in the plane
    plane, space = Grid.from_modes(6), Grid.from_modes(6, dim=3)
    k = np.arange(1, 4)
    rng = np.random.default_rng(0)
    first, second = (np.sin(np.multiply.outer(axis, k)) for axis in plane.axes)
    vorticity = first @ (4 * rng.standard_normal((3, 3)) / (k[:, None] + k)) @ second.T
    flat = Geodesic(vorticity, plane, steps=24)
    planar_velocity = flat._equation.velocity(flat.field0_hat)
    velocity = np.zeros((3, *space.points))
    velocity[:2] = planar_velocity[..., None]
    solid = Geodesic(velocity, space, steps=24)
    assert np.abs(solid.field1[:2] - flat._equation.velocity(flat.field1_hat)[..., None]).max() < 1e-10
    assert np.abs(solid.field1[2]).max() < 1e-12

    z = rng.standard_normal((200, 3))
    by_space = to_latent(solid.flow_map.advance(to_box(z)))
    sweep = Sweep((flat,), np.eye(3), ((0, 1),))
    assert np.abs(sweep.forward(z) - by_space).max() < 1e-9
    assert np.abs(by_space - z).max() > 0.1


def test_slope_is_that_of_the_objective_at_rest():
    rng = np.random.default_rng(0)
    z = rng.standard_normal((200, 4))
    x = swirled(z, turned(1, 4)) + z**2
    total = 0.0
    for plane in ((0, 1), (2, 3)):
        objective = Objective(z[:, plane], x[:, plane], Grid.from_modes(4))
        potential = regressed_potential(z[:, plane], x[:, plane], m=1)
        flat = type(potential)(np.zeros(2), np.zeros((2, 2)), np.zeros((1, 1)))  # no potential: - 2 x . s alone
        gradient = Objective(objective.z, objective.x, objective.grid, potential=flat)(np.zeros(16), 0.0)[1]
        total += np.sum(gradient**2) / 4  # the cost has the slope - 2 x . v
    assert np.isclose(Slope(z, x)(np.eye(4))[0], total, rtol=1e-10)


@pytest.mark.parametrize("dim", [4, 5])
def test_slope_by_the_axes_equals_central_differences(dim):
    rng = np.random.default_rng(0)
    z = rng.standard_normal((150, dim))
    slope, axes = Slope(z, np.sin(z[:, ::-1]) + z**2, threads=2), turned(2, dim)
    direction, step = rng.standard_normal((dim, dim)), 1e-5
    central = (slope(axes + step * direction)[0] - slope(axes - step * direction)[0]) / (2 * step)
    assert np.isclose(np.sum(slope(axes)[1] * direction), central, rtol=1e-7)


def test_best_axes_find_planted_planes():
    truth, z = turned(3, 4), normal_points(2048, 4)
    slope = Slope(z, swirled(z, truth))
    skew = np.random.default_rng(0).standard_normal((4, 4))
    start = truth @ expm(0.3 * (skew - skew.T))
    axes, value = best_axes(slope, start)
    assert np.allclose(axes @ axes.T, np.eye(4), atol=1e-12)
    assert value > 0.95 * slope(truth)[0] > 1.3 * slope(start)[0]
    # each found plane is a planted one
    planes = [rows.T @ rows for rows in (truth[:2], truth[2:])]
    found = [rows.T @ rows for rows in (axes[:2], axes[2:])]
    assert max(min(np.abs(p - q).max() for q in planes) for p in found) < 0.1


def test_regression_takes_away_what_a_plane_cannot_know():
    z = normal_points(4096, 4)
    x = np.stack([z[:, 0] + 2 * z[:, 2] * z[:, 3], z[:, 1] + z[:, 0] * z[:, 2], z[:, 2], z[:, 3]], axis=1)
    without = OtherCoordinates.of(z, x).without(z, x, (0, 1))
    assert np.mean((x[:, :2] - z[:, :2]) ** 2) > 1.0
    assert np.mean((without - z[:, :2]) ** 2) < 0.01
    assert [len(polynomial_degrees(3, most)) for most in (100, 12, 0)] == [19, 12, 9]


@pytest.fixture(scope="module")
def planted():
    axes = turned(4, 4)
    z = normal_points(2048, 4)
    return axes, fit(z, monge(swirled(z, axes)), align=False, modes=5, geodesics=4)


def test_sweeps_recover_planted_swirls_in_turned_planes(planted):
    axes, found = planted
    z = np.random.default_rng(9).standard_normal((4000, 4))
    truth = swirled(z, axes)
    x = monge(truth)
    before, after, least = (transport_cost(y, x) for y in (z, found.rearrangement.forward(z), truth))
    assert 1 - (after - least) / (before - least) > 0.9
    assert found.status in ("converged", "max_iterations")
    assert {stage.sweep for stage in found.history} >= {1}


def test_sweeps_preserve_the_gaussian_and_are_inverted(planted):
    _, found = planted
    z = 1.5 * np.random.default_rng(5).standard_normal((500, 4))
    y = found.rearrangement.forward(z)
    assert np.abs(found.rearrangement.inverse(y) - z).max() < 1e-8
    assert np.abs(found.rearrangement.log_abs_det(z)).max() < 1e-6


def test_digits_beat_what_alignment_reaches():
    flow = zoo.load("digits")
    z = normal_points(1024, flow.dim)
    twin = RearrangedFlow(flow, fit(z, flow.forward(z), modes=4, geodesics=1).rearrangement)
    y, x = twin.pairs(1000, seed=1)
    z = np.random.default_rng(1).standard_normal((1000, flow.dim))
    aligned = z @ twin.rearrangement.rotation.T
    assert lower_bound(y, x) < transport_cost(y, x) < transport_cost(aligned, x) < 0.9 * transport_cost(z, x)


def test_linear_flows_need_no_sweep():
    matrix = np.diag([2.0, 1.0, 0.5, 1.5, 1.0]) @ turned(6, 5)
    matrix[0] *= np.sign(np.linalg.det(matrix))
    z = normal_points(1024, 5)
    found = fit(z, z @ matrix.T, modes=4, geodesics=2)
    optimum = np.sum((np.linalg.svd(matrix)[1] - 1) ** 2)
    assert abs(transport_cost(found.rearrangement.forward(z), z @ matrix.T) - optimum) < 0.05 * optimum


def test_options_that_do_not_go_with_sweeps():
    z = np.random.default_rng(0).standard_normal((100, 4))
    for name in ("segments", "sweeps"):
        with pytest.raises(ValueError, match=rf"{name}: .* geodesics, which has taken its place; .* Pass geodesics=2"):
            fit(z, z, **{name: 2})
    with pytest.raises(ValueError, match="axes: expected None but for one box"):
        fit(z, z, axes=0.3)
    with pytest.raises(ValueError, match=r"z: expected at least 144 pairs for modes = 12"):
        fit(z, z, modes=12)
    with pytest.raises(ValueError, match="geodesics: expected a positive whole number; got 0"):
        fit(z, z, geodesics=0)


@pytest.mark.parametrize("geodesics", [1, 2])
def test_gradient_in_space_equals_central_differences(geodesics):
    rng = np.random.default_rng(0)
    z = rng.standard_normal((80, 3))
    x = monge(z[:, ::-1])
    potential = regressed_potential(z, x, m=3)
    objective = Objective(z, x, Grid.from_modes(3, dim=3), steps=4, geodesics=geodesics, potential=potential)
    theta, direction = 0.02 * rng.standard_normal((2, objective.size))
    exact = objective(theta, 1e-4)[1] @ direction

    def central(step):
        ahead, behind = objective(theta + step * direction, 1e-4), objective(theta - step * direction, 1e-4)
        return (ahead[0] - behind[0]) / (2 * step)

    assert np.isclose((4 * central(2e-3) - central(4e-3)) / 3, exact, rtol=1e-7, atol=0)


def test_a_geodesic_in_space_recovers_a_planted_swirl():
    z = normal_points(1024, 3)
    found = fit(z, monge(swirled(z, np.eye(3))), align=False, modes=4, regularisation=1e-4)
    fresh = np.random.default_rng(9).standard_normal((3000, 3))
    truth = swirled(fresh, np.eye(3))
    x = monge(truth)
    before, after, least = (transport_cost(y, x) for y in (fresh, found.rearrangement.forward(fresh), truth))
    assert 1 - (after - least) / (before - least) > 0.85
    assert np.abs(found.rearrangement.log_abs_det(fresh[:500])).max() < 1e-6
    y = found.rearrangement.forward(fresh[:500])
    assert np.abs(found.rearrangement.inverse(y) - fresh[:500]).max() < 1e-8


def test_rearranged_flow_in_four_dimensions():
    matrix = np.diag([2.0, 1.0, 0.5, 1.5]) @ expm(np.triu(np.ones((4, 4)), 1) - np.tril(np.ones((4, 4)), -1))
    twin = rearrange(LinearFlow(matrix, np.ones(4)), n_pairs=1024, modes=4, geodesics=1)
    report = twin.report(500)
    assert report.after.lower_bound <= report.exact <= report.cost and report.density_error < 1e-6
    assert report.closed > 0.9 and report.asymmetry_after < 0.2 * report.asymmetry_before


def test_descent_reports_the_sweep_it_belongs_to(planted):
    stages = planted[1].history
    assert [stage.sweep for stage in stages] == sorted(stage.sweep for stage in stages)
    assert all(stage.geodesics == 1 and stage.iterations <= 8 for stage in stages)
    assert Continuation.__dataclass_fields__["sweep"].default == 0


@pytest.mark.parametrize(("dim", "options"), [(4, {"geodesics": 2}), (3, {"modes": 3})])
def test_threads_do_not_change_a_bit(dim, options):
    z = np.random.default_rng(0).standard_normal((600, dim))
    x = monge(swirled(z, turned(1, dim), peak=2.0))
    one, two = (fit(z, x, threads=threads, **options).rearrangement for threads in (1, 2))
    assert len(one.sweeps) > 0 and np.array_equal(one.forward(z), two.forward(z))
