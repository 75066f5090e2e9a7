"""Transport measures against brute force, closed forms and each other."""

from dataclasses import FrozenInstanceError
from itertools import permutations

import numpy as np
import pytest
from scipy.linalg import sqrtm
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from eulerot.transport.asymmetry import asymmetry
from eulerot.transport.cost import exact_cost, lower_bound, transport_cost
from eulerot.transport.report import transport_report


def random_pairs(n, d, seed=0):
    """Two correlated samples of different mean and spread."""
    rng = np.random.default_rng(seed)
    y = rng.standard_normal((n, d)) @ rng.standard_normal((d, d))
    return y, 0.5 * y @ rng.standard_normal((d, d)) + rng.standard_normal((n, d)) + 1.0


def gelbrich(y, x):
    """The bound with matrix square roots, as in the paper: tr A + tr B - 2 tr (A^1/2 B A^1/2)^1/2."""
    a, b = (np.atleast_2d(np.cov(s.T, bias=True)) for s in (y, x))
    root = sqrtm(a)
    bures = np.trace(a + b - 2 * sqrtm(root @ b @ root)).real
    return np.sum((x.mean(axis=0) - y.mean(axis=0)) ** 2) + bures


@pytest.mark.parametrize(("n", "d"), [(1, 2), (2, 1), (4, 3), (6, 2)])
def test_exact_cost_is_the_best_of_all_permutations(n, d):
    y, x = random_pairs(n, d)
    costs = [transport_cost(y, x[list(order)]) for order in permutations(range(n))]
    assert np.isclose(exact_cost(y, x), min(costs), rtol=1e-12)


def test_exact_cost_is_the_assignment_problem():
    y, x = random_pairs(200, 2)
    squares = cdist(y, x, "sqeuclidean")
    assert np.isclose(exact_cost(y, x), squares[linear_sum_assignment(squares)].mean(), rtol=1e-12)
    assert np.isclose(exact_cost(y, x[::-1]), exact_cost(y, x), rtol=1e-12)


def test_exact_cost_on_the_line_sorts_both_samples():
    y, x = random_pairs(300, 1)
    assert np.isclose(exact_cost(y, x), np.mean((np.sort(x[:, 0]) - np.sort(y[:, 0])) ** 2), rtol=1e-12)


@pytest.mark.parametrize("measure", [transport_cost, exact_cost, lower_bound])
def test_a_shift_adds_its_square_and_no_noise(measure):
    # cost(y, x + s) = cost(y, x) + 2 s . (mean x - mean y) + |s|^2, whatever the coupling
    y, x = random_pairs(100, 2)
    shift = np.array([3e6, -4e6])
    assert np.isclose(measure(y + shift, x + shift), measure(y, x), rtol=1e-8)
    added = shift @ (2 * np.mean(x - y, axis=0) + shift)
    assert np.isclose(measure(y, x + shift), measure(y, x) + added, rtol=1e-14)


@pytest.mark.parametrize("scale", [1e-5, 1e5])
@pytest.mark.parametrize("measure", [transport_cost, exact_cost, lower_bound])
def test_units(measure, scale):
    y, x = random_pairs(100, 2)
    assert np.isclose(measure(scale * y, scale * x), scale**2 * measure(y, x), rtol=1e-12, atol=0)


@pytest.mark.parametrize("d", [1, 2, 5])
def test_lower_bound_is_gelbrichs(d):
    y, x = random_pairs(400, d)
    assert np.isclose(lower_bound(y, x), gelbrich(y, x), rtol=1e-10)


def test_symmetric_positive_affine_map_attains_the_bound():
    y, _ = random_pairs(200, 3)
    x = y @ [[2.0, 0.5, 0.0], [0.5, 1.0, -0.3], [0.0, -0.3, 0.7]] + [1.0, -2.0, 0.0]
    assert np.isclose(lower_bound(y, x), transport_cost(y, x), rtol=1e-12)
    assert np.isclose(exact_cost(y, x), transport_cost(y, x), rtol=1e-12)


def test_lower_bound_of_singular_covariances():
    # two perpendicular segments share no direction: nothing is saved, Bures = tr A + tr B
    t = np.linspace(-1.0, 1.0, 51)[:, None]
    y, x = t * [1.0, 0.0], t * [0.0, 2.0]
    assert np.isclose(lower_bound(y, x), 5 * np.mean(t**2), rtol=1e-12)
    assert np.isclose(lower_bound(y, 3 * y), 4 * np.mean(t**2), rtol=1e-12)
    assert lower_bound([[1.0, 2.0, 3.0]], [[1.0, 2.0, 5.0]]) == 4.0  # one pair: no covariance at all


@pytest.mark.parametrize(("n", "d"), [(3, 5), (50, 1), (100, 2), (100, 3), (60, 8)])
def test_order_of_the_measures(n, d):
    y, x = random_pairs(n, d, seed=n + d)
    x = x[::-1]
    report = transport_report(y, x)
    assert 0 < report.lower_bound < report.exact < report.cost
    single = [measure(y, x) for measure in (lower_bound, exact_cost, transport_cost)]
    assert np.allclose([report.lower_bound, report.exact, report.cost], single, rtol=1e-14)
    assert np.isclose(report.excess, report.cost - report.exact, rtol=1e-12) and report.n == n


def test_report_reads_as_a_table_and_cannot_change():
    report = transport_report([[0.0], [1.0], [2.0]], [[3.0], [2.0], [4.0]])
    lines = str(report).splitlines()
    assert lines[0] == "transport of 3 pairs"
    assert [line.split()[0] for line in lines[1:]] == ["cost", "exact", "excess", "lower"]
    assert lines[3].endswith("0.66666667   14.29 % of the cost")  # costs 14/3 and 4
    assert "%" not in str(transport_report([[1.0]], [[1.0]]))
    with pytest.raises(FrozenInstanceError):
        report.cost = 0.0


def test_asymmetry_of_known_jacobians():
    points = np.random.default_rng(0).standard_normal((20, 2))
    angle = 0.4
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    assert asymmetry(lambda z: z**3 + z @ [[2.0, 1.0], [1.0, 3.0]], points) < 1e-10
    assert np.isclose(asymmetry(lambda z: z @ rotation, points), 2 * np.sin(angle), rtol=1e-10)
    # a shear [[1, 1], [0, 1]]: sqrt 2 over sqrt 3; in space, beside a third unchanged axis, sqrt 2 over 2
    assert np.isclose(asymmetry(lambda z: z + z[:, [1, 0]] * [1, 0], points), np.sqrt(2 / 3), rtol=1e-10)
    assert np.isclose(asymmetry(lambda z: z + z[:, [1, 0, 2]] * [1, 0, 0], np.ones((4, 3))), np.sqrt(0.5), rtol=1e-10)


def test_asymmetry_is_a_mean_over_points():
    # D = [[0, y], [0, 0]]: sqrt 2 where y is not 0, and a vanishing Jacobian is symmetric; no step is too long here
    points = [[0.0, 0.0], [5.0, 1.0], [1.0, -2.0], [3.0, 0.0]]
    for step in (1e-4, 0.1):
        found = asymmetry(lambda z: 0.5 * z[:, [1, 0]] ** 2 * [1, 0], points, step=step)
        assert np.isclose(found, np.sqrt(2) / 2, rtol=1e-8)


@pytest.mark.parametrize("measure", [transport_cost, exact_cost, lower_bound, transport_report])
def test_bad_pairs(measure):
    good = np.ones((3, 2))
    with pytest.raises(ValueError, match=r"y: expected samples as rows, shape \(n, d\); got shape \(3,\)"):
        measure([1.0, 2.0, 3.0], good)
    with pytest.raises(ValueError, match=r"x: expected the shape of y, \(3, 2\); got \(2, 2\)"):
        measure(good, good[:2])
    with pytest.raises(ValueError, match=r"x: expected finite values; got 1 rows of 3 .* row 2"):
        measure(good, [[0, 0], [0, 0], [0, np.nan]])


def test_bad_input_of_asymmetry():
    points = np.zeros((3, 2))
    with pytest.raises(ValueError, match=r"points: expected samples as rows, shape \(n, d\); got shape \(2,\)"):
        asymmetry(np.tanh, points[0])
    for step in (0.0, -1e-4, np.nan):
        with pytest.raises(ValueError, match=f"step: expected a positive number; got {step}"):
            asymmetry(np.tanh, points, step=step)
    with pytest.raises(ValueError, match=r"map_\(points\): expected samples of dimension 2; got 1 columns"):
        asymmetry(lambda z: z[:, :1], points)
    with pytest.raises(ValueError, match=r"map_\(points\): expected 12 rows; got 3"):
        asymmetry(lambda z: z[:3], points)


def random_angles(n, d, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(-np.pi, np.pi, (n, d)), rng.vonmises(2.0, 1.5, (n, d))


@pytest.mark.parametrize(("n", "d"), [(1, 2), (5, 1), (6, 2)])
def test_exact_cost_of_angles_is_the_best_of_all_permutations(n, d):
    y, x = random_angles(n, d)
    costs = [transport_cost(y, x[list(order)], domain="torus") for order in permutations(range(n))]
    assert np.isclose(exact_cost(y, x, domain="torus"), min(costs), rtol=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_bound_of_one_angle_is_its_optimum(seed):
    y, x = random_angles(101, 1, seed)
    assert np.isclose(lower_bound(y, x, domain="torus"), exact_cost(y, x, domain="torus"), rtol=1e-12)


def test_angles_have_no_beginning():
    y, x = random_angles(80, 2)
    for measure in (transport_cost, exact_cost, lower_bound):
        shifted = measure(y + np.array([1.0, 2.0]), x + np.array([1.0, 2.0]) + 2 * np.pi, domain="torus")
        assert np.isclose(shifted, measure(y, x, domain="torus"), rtol=1e-10)
    report = transport_report(y, x, domain="torus")
    assert 0 < report.lower_bound < report.exact < report.cost < transport_report(y, x).cost
    assert transport_cost([[3.0]], [[-3.0]], domain="torus") == pytest.approx((2 * np.pi - 6) ** 2)
    with pytest.raises(ValueError, match="domain: expected 'cube' or 'torus'; got 'circle'"):
        transport_cost(y, x, domain="circle")
