"""The dual bound: potentials against naive oracles, bounds against known optima, in any units, on any threads."""

import copy
import pickle
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import logsumexp

import eulerot
from eulerot.transport import convex_potential, dual, potential_training
from eulerot.transport.convex_potential import ConvexPotential, Coordinates
from eulerot.transport.cost import lower_bound, transport_cost

STARTS = np.array([0, 2, 4, 9])
STANDARD = Coordinates((np.zeros(3), np.zeros(3)), (1.0, 1.0), np.eye(3))


def random_parameters(seed=0, d=3):
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.standard_normal(9 * d + 9), -rng.uniform(0, 1, 3), rng.standard_normal(d), [-0.5]])


def naive(theta, z):
    """The potential as it is written, at one point."""
    d = len(z)
    u = z @ theta[: 9 * d].reshape(d, 9) + theta[9 * d : 9 * d + 9]
    tau, c = np.exp(theta[9 * d + 9 : 9 * d + 12]), theta[9 * d + 12 : 9 * d + 12 + d]
    parts = [t * logsumexp(u[i:j] / t) for t, i, j in zip(tau, STARTS, STARTS[1:], strict=False)]
    return np.exp(theta[-1]) * z @ z / 2 + c @ z + sum(parts)


def monotone(n, d, seed=0):
    """Pairs of a Monge map that no coordinate has alone, its least cost with probability one that of the pairs' law."""
    y = np.random.default_rng(seed).standard_normal((n, d))
    axis = np.ones(d) / np.sqrt(d)
    radius = np.sqrt(0.5 + np.sum((y - 0.5) ** 2, axis=1))
    return y, 0.7 * y + (y - 0.5) / radius[:, None] + 0.8 * np.tanh(2 * y @ axis)[:, None] * axis + 0.3


def test_values_and_gradients_are_those_of_the_formula():
    theta, z = random_parameters(), np.random.default_rng(1).standard_normal((7, 3))
    values, slopes = ConvexPotential(theta, STARTS, STANDARD)(z)
    assert np.allclose(values, [naive(theta, each) for each in z], rtol=1e-13)
    steps = 1e-5 * np.eye(3)
    central = [[(naive(theta, p + h) - naive(theta, p - h)) / 2e-5 for h in steps] for p in z]
    assert np.allclose(slopes, central, rtol=1e-8, atol=1e-8)


def test_far_points_neither_overflow_nor_vanish():
    theta = random_parameters()
    values, slopes = ConvexPotential(theta, STARTS, STANDARD)([[1e6, -1e6, 3e5], [0.0, 1e-300, 0.0]])
    expected = [naive(theta, np.array(each)) for each in ([1e6, -1e6, 3e5], [0.0, 1e-300, 0.0])]
    assert np.allclose(values, expected, rtol=1e-14) and np.isfinite(slopes).all()


def test_conjugates_are_maxima():
    theta, x = random_parameters(), 3 * np.random.default_rng(2).standard_normal((6, 3))
    found = ConvexPotential(theta, STARTS, STANDARD).conjugate(x)
    best = [-minimize(lambda z, each=each: naive(theta, z) - each @ z, np.zeros(3), tol=1e-12).fun for each in x]
    assert np.allclose(found, best, rtol=1e-9) and np.all(found >= np.array(best) - 1e-9)


def test_conjugates_that_are_not_converged_are_still_bounds(monkeypatch):
    theta, x = random_parameters(), 5 * np.random.default_rng(2).standard_normal((50, 3))
    phi = ConvexPotential(theta, STARTS, STANDARD)
    exact = phi.conjugate(x)
    for steps in (0, 1, 2):
        monkeypatch.setattr(convex_potential, "_STEPS", steps)
        early = phi.conjugate(x)
        assert np.all(early >= exact - 1e-12) and np.max(early - exact) > 1e-3


def test_the_slope_of_the_gap_is_that_of_central_differences(monkeypatch):
    theta, rng = random_parameters(), np.random.default_rng(3)
    y, x, rows = rng.standard_normal((8, 3)), 2 * rng.standard_normal((8, 3)), np.arange(8)

    monkeypatch.setattr(potential_training, "_NEWTON", 60)
    monkeypatch.setattr(potential_training, "_CONJUGATE", 12)
    training = potential_training._Training(y, x, rng)
    training.starts = STARTS

    def gap(parameters):
        return np.mean(ConvexPotential(parameters, STARTS, STANDARD).gaps(training._z, training._x)) / 2

    slope = training.slope(theta, rows)
    for direction in rng.standard_normal((5, len(theta))):
        ends = [gap(theta + h * direction) for h in (1e-4, -1e-4, 5e-5, -5e-5)]
        central = (4 * (ends[2] - ends[3]) / 1e-4 - (ends[0] - ends[1]) / 2e-4) / 3
        assert np.isclose(slope @ direction, central, rtol=1e-8)


def test_the_gap_of_a_quadratic_potential_is_a_square():
    # phi = 1/2 y . A y + m . (y - b): phi(y) + phi*(x) - x . y = 1/2 |A^(1/2) (y - b) - A^(-1/2) (x - m)|^2
    rng = np.random.default_rng(4)
    root = np.array([[1.5, 0.3, 0.0], [0.3, 0.8, -0.2], [0.0, -0.2, 1.1]])
    standard = Coordinates((np.array([1.0, 0.0, 2.0]), np.array([0.0, -3.0, 1.0])), (2.0, 0.5), root)
    y, x = 3 * rng.standard_normal((9, 3)), 4 * rng.standard_normal((9, 3))
    phi = ConvexPotential(np.zeros(4), np.zeros(1, dtype=np.int64), standard)
    a = root @ root * 0.5 / 2.0
    apart = x - standard.means[1] - (y - standard.means[0]) @ a
    assert np.allclose(phi.gaps(y, x), np.einsum("ni,ij,nj->n", apart, np.linalg.inv(a), apart), rtol=1e-12)
    values, slopes = phi(y)
    assert np.allclose(slopes, (y - standard.means[0]) @ a + standard.means[1], rtol=1e-13)
    assert np.allclose(2 * (values + phi.conjugate(x) - np.sum(x * y, axis=1)), phi.gaps(y, x), rtol=1e-10)


@pytest.mark.parametrize(("d", "most"), [(1, 1e-3), (2, 1e-3), (3, 5e-3), (10, 1e-2)])
def test_the_gap_nearly_vanishes_at_a_monge_map(d, most):
    y, x = monotone(2048, d)
    bound = eulerot.dual_bound(y, x)
    assert 0 <= bound.gap < most * bound.cost
    assert bound.value > lower_bound(y, x)


@pytest.mark.parametrize(("d", "coupling"), [(2, "turned"), (2, "independent"), (5, "mirrored")])
def test_the_bound_is_one_for_other_couplings_of_the_same_laws(d, coupling):
    # latents changed after their data were made: the laws are the same, and so the least cost
    y, x = monotone(2048, d)
    law = monotone(200_000, d, seed=1)
    changed = {"turned": np.roll(y, 1, axis=1), "mirrored": -y, "independent": monotone(2048, d, seed=9)[0]}
    bound = eulerot.dual_bound(changed[coupling], x, seed=3)
    assert lower_bound(*law) - bound.standard_error < bound.value < transport_cost(*law) + 3 * bound.standard_error
    assert bound.value < bound.cost - 5 * bound.gap_standard_error


def test_it_sees_what_the_excess_of_a_sample_does_not():
    # in ten dimensions pairs are so far apart that a rotation by 0.5 is optimal for 300 of them
    d, rng = 10, np.random.default_rng(5)
    y = rng.standard_normal((300, d))
    turn = np.kron(np.eye(5), [[np.cos(0.5), -np.sin(0.5)], [np.sin(0.5), np.cos(0.5)]])
    assert eulerot.transport_report(y, y @ turn).excess == 0
    bound = eulerot.dual_bound(y, y @ turn)
    assert abs(bound.value) < 0.2 * bound.cost  # both laws are the standard normal: nothing has to be moved


def test_few_pairs_prove_the_distance_of_the_means_or_little_less():
    rng = np.random.default_rng(6)
    for n, d in ((16, 1), (16, 2), (16, 40), (100, 64)):
        y = rng.standard_normal((n, d))
        for x in (y, rng.standard_normal((n, d)), np.full((n, d), 3.0), np.sign(y) + 5):
            bound, shift = eulerot.dual_bound(y, x), float(np.sum((x.mean(axis=0) - y.mean(axis=0)) ** 2))
            spread = float(
                np.mean(np.sum((x - x.mean(axis=0)) ** 2, axis=1) + np.sum((y - y.mean(axis=0)) ** 2, axis=1))
            )
            assert shift - 2 * spread < bound.value <= bound.cost


@pytest.mark.parametrize(("scale", "shift"), [(4.0, 0.0), (2.0**-20, 0.0), (3.0, 0.0), (1.0, 1e4), (1e-3, -50.0)])
def test_gaps_do_not_depend_on_shift_and_scale(scale, shift):
    y, x = monotone(600, 2)
    one, other = eulerot.dual_bound(y, x), eulerot.dual_bound(y, scale * x + shift)
    if shift == 0 and np.log2(scale) % 1 == 0:
        assert np.array_equal(other.gaps, scale * one.gaps)
    assert np.isclose(other.gap, scale * one.gap, rtol=1e-6)
    assert np.isclose(other.cost, transport_cost(y, scale * x + shift), rtol=1e-12)


def test_the_numbers_belong_together():
    y, x = monotone(500, 3)
    bound = eulerot.dual_bound(y, x[::-1].copy(), seed=2)
    costs = np.sum((x[::-1] - y) ** 2, axis=1)
    assert bound.n == 500 and bound.gaps.shape == (500,) and bound.gaps.min() >= 0
    assert np.isclose(bound.gap, bound.gaps.mean(), rtol=1e-13)
    assert np.isclose(bound.cost, costs.mean(), rtol=1e-13)
    assert np.isclose(bound.value, bound.cost - bound.gap, rtol=1e-13)
    assert np.isclose(bound.standard_error, np.std(costs - bound.gaps, ddof=1) / np.sqrt(500), rtol=1e-12)
    assert np.isclose(bound.gap_standard_error, np.std(bound.gaps, ddof=1) / np.sqrt(500), rtol=1e-12)
    assert np.isclose(bound.closed(bound.cost + 1.0), 1 / (1 + bound.gap), rtol=1e-13)
    assert bound.closed(bound.cost) == pytest.approx(0.0, abs=1e-12) and np.isnan(bound.closed(bound.value - 1))


def test_each_half_is_measured_by_the_potential_of_the_other():
    y, x = monotone(300, 2)
    bound = eulerot.dual_bound(y, x)
    first, second = (potential.gaps(y, x) for potential in bound.potentials)
    from_first, from_second = bound.gaps == first, bound.gaps == second
    assert from_first.sum() == from_second.sum() == 150 and not np.any(from_first & from_second)
    changed = x.copy()  # what is measured does not train: its own gap changes, not those beside it
    row = int(np.flatnonzero(from_first)[0])
    changed[row] += 0.5
    other = eulerot.dual_bound(y, changed).gaps
    beside = from_first.copy()
    beside[row] = False
    assert np.array_equal(other[beside], bound.gaps[beside]) and other[row] != bound.gaps[row]


def test_the_result_does_not_depend_on_threads(monkeypatch):
    y, x = monotone(400, 3)
    one = eulerot.dual_bound(y, x)
    monkeypatch.setattr(dual, "checked_threads", lambda threads: 1)
    alone = eulerot.dual_bound(y, x)
    assert np.array_equal(one.gaps, alone.gaps) and one == alone
    assert not np.array_equal(one.gaps, eulerot.dual_bound(y, x, seed=1).gaps)


def test_copies_and_text():
    y, x = monotone(200, 2)
    bound = eulerot.dual_bound(y, x)
    for other in (pickle.loads(pickle.dumps(bound)), copy.deepcopy(bound)):
        assert other == bound and np.array_equal(other.gaps, bound.gaps)
        assert np.array_equal(other.potentials[0].gaps(y, x), bound.potentials[0].gaps(y, x))
    lines = str(bound).splitlines()
    assert lines[0] == "dual bound of 200 pairs" and [line.split()[0] for line in lines[1:]] == ["cost", "gap", "dual"]
    with pytest.raises(FrozenInstanceError):
        bound.value = 0.0


def test_pictures():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    from eulerot import plotting

    y, x = monotone(100, 2)
    assert eulerot.dual_bound(y, x).plot().has_data()
    ax = plotting.gaps([0.0, 0.0])  # nothing but zeros has a logarithm too
    ax.figure.canvas.draw()
    plt.close("all")
    with pytest.raises(ValueError, match="expected finite gaps, none of them negative"):
        plotting.gaps([-1.0, 2.0])


@pytest.mark.parametrize(
    ("y", "x", "words"),
    [
        (np.zeros((15, 2)), np.zeros((15, 2)), "at least 16 pairs"),
        (np.zeros((20, 2)), np.zeros((20, 3)), "expected the shape of y"),
        (np.zeros(20), np.zeros(20), "expected samples as rows"),
        (np.zeros((20, 2)), np.full((20, 2), np.nan), "expected finite values"),
    ],
)
def test_bad_input(y, x, words):
    with pytest.raises(ValueError, match=words):
        eulerot.dual_bound(y, x)


def test_bad_seed():
    with pytest.raises(ValueError, match=r"seed: expected what numpy.random.default_rng takes"):
        eulerot.dual_bound(np.zeros((20, 2)), np.zeros((20, 2)), seed="one")


@pytest.mark.parametrize("dim", [2, 5])
def test_reports_carry_the_bound_and_begin_with_it_in_many_dimensions(dim):
    matrix = np.eye(dim) + np.diag(np.full(dim - 1, 0.6), 1)
    flow = eulerot.LinearFlow(matrix, np.zeros(dim))
    twin = eulerot.RearrangedFlow(flow, eulerot.Rearrangement.identity(dim))
    report = twin.report(400, seed=3)
    y, x = twin.pairs(400, seed=3)
    assert report.dual == eulerot.dual_bound(y, x) and report.dim == dim
    assert report.certified == report.dual.closed(report.before.cost)
    assert abs(report.dual.value - flow.optimal_cost) < 0.3 * (flow.transport_cost - flow.optimal_cost)
    first = str(report).splitlines()[0]
    assert first.startswith("certified") == (dim >= 4) and "dual bound" in str(report)
    assert ("of them alone" in str(report)) == (dim >= 4) == bool(report.unseen)


def test_reports_of_few_pairs_have_no_bound():
    flow = eulerot.LinearFlow(np.eye(2), np.ones(2))
    report = eulerot.RearrangedFlow(flow, eulerot.Rearrangement.identity(2)).report(10)
    assert report.dual is None and np.isnan(report.certified) and "certified" not in str(report)


def test_the_share_of_pairs_that_the_optimal_plan_leaves_alone():
    y, x = monotone(100, 2)
    assert eulerot.transport_report(y, x).identity_share == 1.0
    swapped = x.copy()
    swapped[[0, 1, 2]] = x[[1, 2, 0]]
    assert eulerot.transport_report(y, swapped).identity_share == pytest.approx(0.97)
