"""The fit: its gradient, what it guarantees, what it recovers, and how it ends."""

import math
from dataclasses import replace

import numpy as np
import pytest
from differences import derivative, jacobians
from processes import python
from scipy.spatial.transform import Rotation
from scipy.special import ndtri
from scipy.stats import special_ortho_group
from swirls import monge, share_recovered, swirled
from threadpoolctl import threadpool_info
from tqdm import tqdm

import eulerot
from eulerot.euler.equations import equation_of
from eulerot.euler.grid import Grid
from eulerot.euler.integrators import DOP853, RK4
from eulerot.latent.chart import log_density, to_box, to_latent
from eulerot.latent.source import normal_points
from eulerot.rearrangement.rotations import plane_rotation, random_rotations
from eulerot.shooting.alignment import procrustes_rotation
from eulerot.shooting.fit import fit
from eulerot.shooting.initial_guess import InitialGuess
from eulerot.shooting.journal import Journal
from eulerot.shooting.objective import Objective
from eulerot.shooting.parametrisation import Parametrisation
from eulerot.shooting.potential import regressed_potential
from eulerot.transport.cost import transport_cost


def data(z):
    """Return the data of a planted flow."""
    return monge(swirled(z))


def pairs(n, seed=0):
    z = np.random.default_rng(seed).standard_normal((n, 2))
    return z, data(z)


def test_box_coordinates_keep_their_digits_in_both_tails():
    z = np.concatenate([np.linspace(-37, 37, 2001), [1e-300, 0.0]])[:, None]
    assert np.abs(to_latent(to_box(z)) - z).max() < 1e-13 * 37
    inner = np.linspace(-6, 6, 101)[:, None]
    inner = inner[np.abs(inner[:, 0]) > 1e-5]  # the two walls have their own distances
    slope = jacobians(lambda y: np.mod(to_box(y), np.pi), inner)[..., 0]
    assert np.allclose(slope, np.exp(log_density(inner)), rtol=1e-6)


def test_potential_gradient_and_mean():
    y = np.random.default_rng(0).standard_normal((400, 2))
    potential = regressed_potential(y, data(y))
    assert np.abs(jacobians(lambda points: potential(points)[0], y) - potential(y)[1]).max() < 1e-8
    share = (np.arange(400) + 0.5) / 400
    middle = np.stack(np.meshgrid(ndtri(share), ndtri(share)), axis=-1).reshape(-1, 2)
    cosines = replace(potential, linear=np.zeros(2), quadratic=np.zeros((2, 2)))
    assert abs(np.mean(cosines(middle)[0])) < 1e-12
    assert np.isclose(potential.mean, np.trace(potential.quadratic) / 2)


@pytest.mark.parametrize(("tableau", "geodesics"), [(RK4, 1), (RK4, 2), (DOP853, 1)])
@pytest.mark.parametrize("with_potential", [False, True])
def test_gradient_equals_central_differences(tableau, geodesics, with_potential):
    z, x = pairs(150)
    potential = regressed_potential(z, x) if with_potential else None
    options = {"steps": 4, "geodesics": geodesics, "tableau": tableau, "potential": potential}
    objective = Objective(z, x, Grid.from_modes(5), **options)
    theta, direction = 0.1 * np.random.default_rng(1).standard_normal((2, objective.size))
    exact = objective(theta, 1e-4)[1] @ direction
    difference = derivative(lambda h: objective(theta + h * direction, 1e-4)[0], 4e-4)
    assert np.isclose(difference, exact, rtol=1e-8, atol=0)


@pytest.mark.slow
def test_potential_changes_the_noise_of_the_cost_and_not_its_expectation():
    z, x = pairs(100_000)
    plain = Objective(z, x, Grid.from_modes(5), threads=2)
    theta = 0.1 * np.random.default_rng(2).standard_normal(plain.size)
    moved, _ = plain.moved(theta)
    assert np.isclose(plain.cost(theta), transport_cost(moved, x), rtol=1e-13)
    potential = regressed_potential(moved[:1000], x[:1000])
    difference = replace(plain, potential=potential).cost(theta) - plain.cost(theta)
    deviation = np.std(2 * potential(moved)[0] - np.sum(moved**2, axis=1)) / np.sqrt(len(z))
    assert 0 < abs(difference) < 4 * deviation

    # at a Monge map nothing is to be gained: the slope that is left is noise, and the potential removes it
    monge = replace(plain, z=z[:1000], x=(z + np.tanh(z))[:1000])
    noise = np.linalg.norm(monge(np.zeros(plain.size), 0.0)[1])
    quiet = replace(monge, potential=regressed_potential(monge.z, monge.x))
    assert np.linalg.norm(quiet(np.zeros(plain.size), 0.0)[1]) < 0.2 * noise


def test_a_cut_geodesic_is_the_same_map_with_the_same_roughness():
    z, x = pairs(300)
    one = Objective(z, x, Grid.from_modes(5), steps=24)
    theta = 0.1 * np.random.default_rng(3).standard_normal(one.size)
    for pieces in (2, 3):
        several = replace(one, geodesics=pieces, steps=24 // pieces)
        cut = one.cut(theta, pieces)
        assert np.abs(several.moved(cut)[0] - one.moved(theta)[0]).max() < 1e-10
        # the first piece is the beginning; the others have what Euler makes of its roughness on the way
        first = several.geodesics**2 * cut[: one.size] ** 2 @ one.stiffness
        assert np.isclose(first, theta**2 @ one.stiffness, rtol=1e-12)


@pytest.mark.slow
def test_axes_of_a_planted_geodesic_are_found_in_any_units():
    axes, z = plane_rotation(0.5), normal_points(2048, 2)
    planted = Objective(z @ axes.T, z, Grid.from_modes(4))
    vorticity = np.zeros(planted.grid.shape_hat)
    vorticity[0, 1], vorticity[2, 0] = 4.0, 2.0
    x = planted.moved(Parametrisation(equation_of(planted.grid)).theta(vorticity))[0] @ axes
    options = {"modes": 4, "align": False, "geodesics": 1}
    found = fit(z, x, **options)
    assert np.abs(found.rearrangement.sweeps[0].axes - axes).max() < 0.03
    assert found.cost_after < 0.01 * found.cost_before
    scaled = fit(z, 30 * x + 500.0, **options)
    assert np.abs(scaled.rearrangement.forward(z) - found.rearrangement.forward(z)).max() < 1e-4
    fixed = fit(z, x, axes=0.0, **options)
    assert np.array_equal(fixed.rearrangement.sweeps[0].axes, np.eye(2)) and fixed.cost_after > found.cost_after


@pytest.mark.slow
def test_axes_of_a_planted_geodesic_in_space_are_near_those_found():
    near, z = random_rotations(32, 3, seed=0)[20], normal_points(2048, 3)
    axes = Rotation.from_rotvec([0.1, -0.1, 0.05]).as_matrix() @ near
    planted = Objective(z @ axes.T, z, Grid.from_modes(2, dim=3))
    x = planted.moved(0.2 * np.random.default_rng(1).standard_normal(planted.size))[0] @ axes
    found = InitialGuess(z, x, 4, 2, tqdm(disable=True)).axes()
    assert np.array_equal(found, near)
    turned = fit(z, x, modes=2, align=False, geodesics=1, axes=axes).rearrangement
    assert np.array_equal(turned.sweeps[0].axes, axes)


def test_procrustes_recovers_a_rotation_and_never_reflects():
    z = np.random.default_rng(0).standard_normal((300, 3))
    rotation = special_ortho_group.rvs(3, random_state=1)
    assert np.allclose(procrustes_rotation(z, z @ rotation.T * 2.0 + 1.0), rotation, atol=0.1)
    mirrored = procrustes_rotation(z, z * [1.0, 1.0, -1.0])
    assert np.isclose(np.linalg.det(mirrored), 1.0)


@pytest.fixture(scope="module")
def fitted():
    z = normal_points(1024, 2)
    return fit(z, data(z), modes=8, align=False, geodesics=1)


def test_recovers_a_planted_swirl(fitted):
    assert share_recovered(fitted.rearrangement, np.random.default_rng(9).standard_normal((4000, 2))) > 0.97
    assert fitted.status == "converged"
    assert fitted.cost_after < fitted.cost_before
    assert {stage.sweep for stage in fitted.history} == {0}  # sweeps are numbered from 1
    assert [stage.regularisation for stage in fitted.history] == sorted(
        {stage.regularisation for stage in fitted.history}, reverse=True
    )


def test_delivered_map_is_exact(fitted):
    z = 1.5 * np.random.default_rng(4).standard_normal((3000, 2))
    rearrangement = fitted.rearrangement
    y = rearrangement.forward(z)
    assert np.abs(rearrangement.inverse(y) - z).max() < 1e-8
    assert np.abs(rearrangement.log_abs_det(z)).max() < 1e-6
    (sweep,) = rearrangement.sweeps
    finer = replace(sweep.geodesics[0], steps=4 * sweep.geodesics[0].steps)
    again = replace(rearrangement, sweeps=(replace(sweep, geodesics=(finer,)),))
    assert np.abs(again.forward(z) - y).max() < 1e-7


@pytest.mark.slow
def test_the_tolerance_is_an_error_of_the_delivered_map():
    z, options = pairs(300)[0], {"modes": 4, "align": False, "axes": 0.0, "max_iterations": 20}
    x = monge(swirled(z, peak=2.0))
    fine, coarse = (fit(z, x, tolerance=tolerance, **options).rearrangement for tolerance in (1e-12, 1e-9))
    assert coarse.geodesics[0].steps < fine.geodesics[0].steps
    assert np.array_equal(coarse.geodesics[0].field0_hat, fine.geodesics[0].field0_hat)
    assert np.linalg.norm(coarse.forward(z) - fine.forward(z), axis=1).max() < 1e-9


def test_delivered_map_preserves_the_gaussian(fitted):
    y = fitted.rearrangement.forward(np.random.default_rng(5).standard_normal((200_000, 2)))
    for axis in range(2):
        for power, moment in ((1, 0.0), (2, 1.0), (3, 0.0), (4, 3.0)):
            assert abs(np.mean(y[:, axis] ** power) - moment) < 0.05
    assert abs(np.mean(y[:, 0] * y[:, 1])) < 0.01


def test_path_leads_from_the_identity_to_the_map(fitted):
    z = np.random.default_rng(6).standard_normal((50, 2))
    path = fitted.rearrangement.path(z, [0.0, 0.5, 1.0])
    assert np.array_equal(path[0], z)
    assert np.abs(path[2] - fitted.rearrangement.forward(z)).max() < 1e-9
    with pytest.raises(ValueError, match="times: expected ascending values"):
        fitted.rearrangement.path(z, [0.5, 0.2])


@pytest.mark.slow
def test_aligned_path_takes_the_rotation_first():
    z, _ = pairs(400)
    quarter = np.array([[0.0, -1.0], [1.0, 0.0]])
    rearrangement = fit(z, data(z) @ quarter.T, modes=4, geodesics=1).rearrangement
    path = rearrangement.path(z, [0.0, 0.25, 0.5, 1.0])
    assert np.allclose(np.sum(path[1] ** 2, axis=1), np.sum(z**2, axis=1), rtol=1e-12)
    assert np.allclose(path[2], z @ rearrangement.rotation.T, atol=1e-12)
    assert np.allclose(path[3], rearrangement.forward(z), atol=1e-9)
    assert np.abs(rearrangement.inverse(rearrangement.forward(z)) - z).max() < 1e-8


@pytest.mark.slow
@pytest.mark.parametrize("geodesics", [2, None])
def test_several_geodesics_in_turned_axes_cost_less(fitted, geodesics):
    z, fresh = normal_points(1024, 2), np.random.default_rng(9).standard_normal((4000, 2))
    several = fit(z, data(z), modes=8, align=False, geodesics=geodesics, axes=0.3)
    s = several.rearrangement
    assert len(s.geodesics) == 2 if geodesics else len(s.geodesics) > 1
    first, second = (sweep.axes for sweep in s.sweeps[:2])
    assert np.allclose(first, plane_rotation(0.3)) and np.allclose(second, plane_rotation(0.3 + math.pi / 4))
    assert {stage.geodesics for stage in several.history} == {1, len(s.geodesics)} and several.geodesic_error <= 1e-3
    least = transport_cost(swirled(fresh), data(fresh))
    costs = [transport_cost(each.rearrangement.forward(fresh), data(fresh)) for each in (several, fitted)]
    assert costs[0] - least < 0.5 * (costs[1] - least)
    assert np.abs(s.inverse(s.forward(z)) - z).max() < 1e-8


@pytest.mark.slow
def test_never_worse_than_the_identity():
    # data that ask for nothing: the latents themselves, and pure noise
    z = np.random.default_rng(7).standard_normal((300, 2))
    for x in (z, np.random.default_rng(8).standard_normal((300, 2))):
        result = fit(z, x, modes=4, align=False)
        assert result.cost_after <= result.cost_before
        assert result.status == "stalled" or result.cost_after < result.cost_before
    assert fit(z, z, modes=4).rearrangement.is_identity


def test_one_dimension_is_already_optimal():
    z = np.random.default_rng(0).standard_normal((100, 1))
    result = fit(z, np.exp(z))
    assert result.rearrangement.is_identity and "already optimal" in result.message
    assert np.array_equal(result.rearrangement.forward(z), z)


@pytest.mark.parametrize("dim", [1, 2, 4])
@pytest.mark.parametrize("n", [1, 2, 5])
def test_few_pairs_and_latents_that_do_not_vary_are_refused(n, dim):
    same, z = np.zeros((n, dim)), np.random.default_rng(0).standard_normal((n, dim))
    with pytest.raises(ValueError, match="expected at least 2 pairs" if n == 1 else "got 0 in all rows of column 0"):
        fit(same, same)
    if dim > 1 or n == 1:
        with pytest.raises(ValueError, match="expected at least"):
            fit(z, z, modes=2)


@pytest.mark.slow
def test_something_is_always_left_to_fit_to():
    z = normal_points(32, 2)
    with pytest.warns(eulerot.SampleWarning):
        assert fit(z, z @ [[0.0, 1.0], [-1.0, 0.0]], modes=2, held_out=0.99).n_train == 1


@pytest.mark.slow
def test_interrupt_keeps_the_best(evaluations):
    def interrupt():
        raise KeyboardInterrupt

    (z, x), options = pairs(600), {"modes": 6, "align": False, "regularisation": (1e-3, 1e-4), "max_iterations": 30}
    whole = fit(z, x, **options)
    needed = evaluations.count
    for end in (0, needed // 2, needed - 1):
        evaluations.until(end, interrupt)
        result = fit(z, x, **options)
        assert result.status == "interrupted" and "interrupted" in result.message
        assert result.cost_after <= result.cost_before
        assert result.rearrangement.is_identity == (result.cost_after == result.cost_before)
    # at the last evaluation nearly all is done
    before, after, least = (transport_cost(y, x) for y in (z, *(s.rearrangement.forward(z) for s in (result, whole))))
    assert before - after > 0.9 * (before - least)


@pytest.mark.slow
def test_weights_may_start_anywhere(fitted):
    """A first weight that is worse than the coarse start, with a weight of its own, does not end the continuation."""
    z = normal_points(1024, 2)
    result = fit(z, data(z), modes=8, align=False, regularisation=(1e-1, 1e-2, 1e-3, 1e-4, 1e-5))
    best = min(stage.held_out_cost for stage in fitted.history)
    assert len(result.history) >= 4 and result.history[0].held_out_cost > 1.01 * best
    assert result.cost_after < fitted.cost_after + 0.02 * (fitted.cost_before - fitted.cost_after)


@pytest.mark.slow
def test_iterations_that_run_out_are_reported():
    z, x = pairs(600)
    result = fit(z, x, modes=6, max_iterations=1, geodesics=1)
    assert result.status == "max_iterations" and {stage.iterations for stage in result.history} == {1}


SCRIPT = """
import sys, numpy as np
from eulerot import Rearrangement, fit
z = np.random.default_rng(0).standard_normal((600, 2))
result = fit(z, np.sinh(z @ [[0.0, 1.0], [-1.0, 0.3]]), modes=6, threads=int(sys.argv[1]))
y = result.rearrangement.forward(z)
many = np.random.default_rng(1).standard_normal((3000, 90))
turned = Rearrangement(np.eye(90) - 2 * np.outer(many[0], many[0]) / np.sum(many[0] ** 2)).forward(many)
for rows in (turned, y, result.rearrangement.inverse(y)):
    print(rows.tobytes().hex()[:4000], result.cost_after.hex())
"""


@pytest.mark.slow
def test_same_bits_on_any_number_of_threads():
    one, two = (
        python("-c", SCRIPT, threads, env={"OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads})[0]
        for threads in ("1", "2")
    )
    assert one == two and len(one) > 12000


def test_linear_algebra_has_one_thread_while_a_fit_lasts(monkeypatch):
    # an inner product of more than 10,000 numbers has other bits with two
    def threads():
        return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}

    seen, minimise = set(), Journal.minimise
    monkeypatch.setattr(
        Journal, "minimise", lambda *args, **options: (seen.update(threads()), minimise(*args, **options))[1]
    )
    before = threads()
    z = np.random.default_rng(0).standard_normal((300, 2))
    fit(z, np.tanh(z[:, ::-1]), modes=4, geodesics=1)
    assert seen == {1} and threads() == before


def test_an_optimiser_goes_up_to_where_a_function_ends():
    values = []

    def bounded(x):
        value = (x[0] - 5) ** 2 + x[1] ** 2 if x[0] < 3 else np.inf
        values.append(value)
        return float(value), 2 * (x - [5, 0])

    found = Journal().minimise(bounded, np.array([-1.0, 1.0]), maxiter=8)
    assert 2.99 < found.x[0] < 3 and abs(found.x[1]) < 0.5
    # from beyond the search goes half way back, not to where it began: few trials gain nothing
    finite = np.array(values)[np.isfinite(values)]
    assert np.sum(np.diff(finite) >= 0) <= 2 and len(finite) < 40
