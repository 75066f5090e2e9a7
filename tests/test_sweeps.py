"""More than two dimensions: sweeps of planes, their axes, the equations they solve, and geodesics in space."""

import numpy as np
import pytest
from differences import derivative
from scipy.linalg import expm
from swirls import monge, rotated_axes, share_recovered, swirled

from eulerot.euler.equations import equation_of
from eulerot.euler.geodesic import Geodesic
from eulerot.euler.grid import Grid
from eulerot.flows import zoo
from eulerot.flows.linear import LinearFlow
from eulerot.flows.rearranged import RearrangedFlow
from eulerot.flows.rearranging import rearrange
from eulerot.latent.chart import to_box, to_latent
from eulerot.latent.source import normal_points
from eulerot.rearrangement.sweep import Sweep
from eulerot.shooting.fit import fit
from eulerot.shooting.objective import Objective
from eulerot.shooting.potential import Potential, regressed_potential
from eulerot.shooting.regression import OtherCoordinates, polynomial_degrees
from eulerot.shooting.sweep_axes import Slope, best_axes
from eulerot.transport.cost import lower_bound, transport_cost


def test_a_planar_flow_solves_the_equations_of_space():
    # the theorem of docs/dimensions.md: (u(x_1, x_2), 0) is a geodesic in space where u is one in the plane
    plane, space = Grid.from_modes(6), Grid.from_modes(6, dim=3)
    k = np.arange(1, 4)
    rng = np.random.default_rng(0)
    first, second = (np.sin(np.multiply.outer(axis, k)) for axis in plane.axes)
    vorticity = first @ (4 * rng.standard_normal((3, 3)) / (k[:, None] + k)) @ second.T
    flat = Geodesic(vorticity, plane, steps=24)
    before, after = (equation_of(plane).velocity(field) for field in (flat.field0_hat, flat.field1_hat))
    velocity = np.zeros((3, *space.points))
    velocity[:2] = before[..., None]
    solid = Geodesic(velocity, space, steps=24)
    assert np.abs(solid.field1[:2] - after[..., None]).max() < 1e-10 and np.abs(after - before).max() > 0.05
    assert np.abs(solid.field1[2]).max() < 1e-12

    z = rng.standard_normal((200, 3))
    by_space = to_latent(solid.flow_map.advance(to_box(z)))
    sweep = Sweep((flat,), np.eye(3), ((0, 1),))
    assert np.abs(sweep.forward(z) - by_space).max() < 1e-9
    assert np.abs(by_space - z).max() > 0.1


def test_slope_is_that_of_the_objective_at_rest():
    rng = np.random.default_rng(0)
    z = rng.standard_normal((200, 4))
    x = swirled(z, rotated_axes(4, 1)) + z**2
    total = 0.0
    for plane in ((0, 1), (2, 3)):
        objective = Objective(z[:, plane], x[:, plane], Grid.from_modes(4))
        flat = Potential(np.zeros(2), np.zeros((2, 2)), np.zeros((1, 1)))  # no potential: - 2 x . s alone
        gradient = Objective(objective.z, objective.x, objective.grid, potential=flat)(np.zeros(16), 0.0)[1]
        total += np.sum(gradient**2) / 4  # the cost has the slope - 2 x . v
    assert np.isclose(Slope(z, x)(np.eye(4))[0], total, rtol=1e-10)


@pytest.mark.parametrize("dim", [4, 5])
def test_slope_by_the_axes_equals_central_differences(dim):
    rng = np.random.default_rng(0)
    z = rng.standard_normal((150, dim))
    slope, axes = Slope(z, np.sin(z[:, ::-1]) + z**2, threads=2), rotated_axes(dim, 2)
    direction = rng.standard_normal((dim, dim))
    difference = derivative(lambda h: slope(axes + h * direction)[0], 2e-4)
    assert np.isclose(np.sum(slope(axes)[1] * direction), difference, rtol=1e-8)


def test_best_axes_find_planted_planes():
    truth, z = rotated_axes(4, 3), normal_points(2048, 4)
    slope = Slope(z, swirled(z, truth, peak=1.2))
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


@pytest.mark.parametrize(
    ("most", "degree", "count"),
    # of three coordinates there are 20 polynomials up to the third degree, the constant among them; three products of
    # two coordinates; and three polynomials of one degree and one coordinate alone
    [(100, 3, 19), (19, 3, 19), (18, 2, 12), (12, 2, 12), (11, 1, 9), (9, 1, 9), (8, 1, 6), (5, 1, 3)],
)
def test_polynomials_are_as_many_as_pairs_allow(most, degree, count):
    powers = polynomial_degrees(3, most)
    assert len(powers) == len(np.unique(powers, axis=0)) == count
    assert powers.sum(axis=1).min() == 1 and powers.sum(axis=1).max() == min(most // 3, 3)
    assert len(polynomial_degrees(3, 2)) == 0
    assert powers[np.count_nonzero(powers, axis=1) > 1].sum(axis=1).max(initial=1) == degree


@pytest.fixture(scope="module")
def planted():
    axes = rotated_axes(4, 4)
    z = normal_points(2048, 4)
    return axes, fit(z, monge(swirled(z, axes, peak=1.2)), align=False, modes=5, geodesics=4)


def test_sweeps_recover_planted_swirls_in_rotated_planes(planted):
    axes, found = planted
    z = np.random.default_rng(9).standard_normal((4000, 4))
    assert share_recovered(found.rearrangement, z, axes, peak=1.2) > 0.9
    assert found.status in ("converged", "max_iterations")


def test_sweeps_preserve_the_gaussian_and_are_inverted(planted):
    _, found = planted
    z = 1.5 * np.random.default_rng(5).standard_normal((500, 4))
    y = found.rearrangement.forward(z)
    assert np.abs(found.rearrangement.inverse(y) - z).max() < 1e-8
    assert np.abs(found.rearrangement.log_abs_det(z)).max() < 1e-6


@pytest.mark.slow
def test_digits_beat_what_alignment_reaches():
    flow = zoo.load("digits")
    z = normal_points(1024, flow.dim)
    twin = RearrangedFlow(flow, fit(z, flow.forward(z), modes=4, geodesics=1).rearrangement)
    y, x = twin.pairs(1000, seed=1)
    z = np.random.default_rng(1).standard_normal((1000, flow.dim))
    aligned = z @ twin.rearrangement.rotation.T
    assert lower_bound(y, x) < transport_cost(y, x) < transport_cost(aligned, x) < 0.9 * transport_cost(z, x)


@pytest.mark.slow
def test_linear_flows_need_no_sweep():
    matrix = np.diag([2.0, 1.0, 0.5, 1.5, 1.0]) @ rotated_axes(5, 6)
    z = normal_points(1024, 5)
    found = fit(z, z @ matrix.T, modes=4, geodesics=2)
    optimum = np.sum((np.linalg.svd(matrix)[1] - 1) ** 2)
    assert abs(transport_cost(found.rearrangement.forward(z), z @ matrix.T) - optimum) < 0.05 * optimum


def test_options_that_do_not_go_with_sweeps():
    z = np.random.default_rng(0).standard_normal((100, 4))
    for name in ("segments", "sweeps"):
        with pytest.raises(ValueError, match=rf"{name}: .* geodesics, which has taken its place; .* Pass geodesics=2"):
            fit(z, z, **{name: 2})
    with pytest.raises(ValueError, match="axes: expected an angle for pairs in the plane"):
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
    difference = derivative(lambda h: objective(theta + h * direction, 1e-4)[0], 4e-3)
    assert np.isclose(difference, exact, rtol=1e-7, atol=0)


@pytest.mark.slow
def test_a_geodesic_in_space_recovers_a_planted_swirl():
    z = normal_points(1024, 3)
    found = fit(z, monge(swirled(z, peak=1.2)), align=False, modes=4, regularisation=1e-4)
    fresh = np.random.default_rng(9).standard_normal((3000, 3))
    assert share_recovered(found.rearrangement, fresh, peak=1.2) > 0.85
    assert np.abs(found.rearrangement.log_abs_det(fresh[:500])).max() < 1e-6
    y = found.rearrangement.forward(fresh[:500])
    assert np.abs(found.rearrangement.inverse(y) - fresh[:500]).max() < 1e-8


def test_rearranged_flow_in_four_dimensions():
    matrix = np.diag([2.0, 1.0, 0.5, 1.5]) @ expm(np.triu(np.ones((4, 4)), 1) - np.tril(np.ones((4, 4)), -1))
    twin = rearrange(LinearFlow(matrix, np.ones(4)), n_pairs=1024, modes=4, geodesics=1)
    report = twin.report(500)
    assert report.after.lower_bound <= report.exact <= report.cost and report.density_error < 1e-6
    assert report.closed > 0.9 and report.asymmetry_after < 0.2 * report.asymmetry_before


def test_the_history_numbers_its_sweeps(planted):
    found = planted[1]
    numbers = [stage.sweep for stage in found.history if stage.sweep]
    assert numbers == sorted(numbers) and all(stage.geodesics == 1 for stage in found.history if stage.sweep)
    # at the end all geodesics are refined together
    together = [stage for stage in found.history if not stage.sweep]
    assert found.history[-len(together) :] == tuple(together)
    assert {stage.geodesics for stage in together} == {len(found.rearrangement.geodesics)}
    # one plane after another: two a sweep; each sweep that is kept was tried, and no more than were asked for
    assert set(numbers) == set(range(1, numbers[-1] + 1)) and numbers.count(1) == 2
    assert 1 <= len(found.rearrangement.sweeps) <= numbers[-1] <= 4


@pytest.mark.slow
@pytest.mark.parametrize(("dim", "options"), [(4, {"geodesics": 2}), (3, {"modes": 3})])
def test_threads_do_not_change_a_bit(dim, options):
    z = np.random.default_rng(0).standard_normal((600, dim))
    x = monge(swirled(z, rotated_axes(dim, 1), peak=2.0))
    one, two = (fit(z, x, threads=threads, **options).rearrangement for threads in (1, 2))
    assert len(one.sweeps) > 0 and np.array_equal(one.forward(z), two.forward(z))
