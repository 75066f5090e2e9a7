"""Many dimensions: products without threads, counted polynomials, axes, tests of planes, checks and bounded memory."""

import tracemalloc

import numpy as np
import pytest
from processes import python
from swirls import monge, share_recovered, swirled

import eulerot
from eulerot import _jacobian, fit
from eulerot._jacobian import log_abs_det
from eulerot._linear_algebra import inverse, product
from eulerot.flows.linear import LinearFlow
from eulerot.flows.protocol import check_flow
from eulerot.flows.rearranged import RearrangedFlow
from eulerot.latent.source import check_source, normal_points, random_source
from eulerot.rearrangement.composition import Rearrangement
from eulerot.shooting.alignment import procrustes_rotation
from eulerot.shooting.regression import OtherCoordinates, curl_part, polynomial_degrees
from eulerot.shooting.selection import significant, standard_score
from eulerot.shooting.sweep_axes import Slope, best_axes
from eulerot.transport.asymmetry import asymmetry


def rotation(dim, seed=0):
    matrix = np.linalg.qr(np.random.default_rng(seed).standard_normal((dim, dim)))[0]
    matrix[0] *= np.sign(np.linalg.det(matrix))
    return matrix


def peak_of(function):
    """Return what a function returned, and the bytes that NumPy and Python held at most meanwhile."""
    tracemalloc.start()
    try:
        return function(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


SHAPES = [(3, 4, 5), (300, 200, 2), (2, 3000, 3), (7001, 10, 11), (130, 65, 129), (64, 4000, 70), (500, 300, 310)]


@pytest.mark.parametrize("shape", SHAPES)
def test_products(shape):
    m, k, n = shape
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((m, k)), rng.standard_normal((k, n))
    exact = np.einsum("ik,kj->ij", a, b)
    assert np.abs(product(a, b) - exact).max() < 1e-13 * k
    for other in (product(a, b, threads=3), product(np.asfortranarray(a), b), product(a, np.asfortranarray(b))):
        assert np.array_equal(other, product(a, b))


@pytest.mark.parametrize("dim", [2, 64, 65, 200])
def test_inverses(dim):
    skew = np.random.default_rng(0).standard_normal((dim, dim))
    for matrix in (np.eye(dim) + skew - skew.T, np.eye(dim) + skew @ skew.T):
        found = inverse(matrix)
        scale = np.linalg.norm(matrix, 2) * np.linalg.norm(found, 2)
        assert np.abs(found @ matrix - np.eye(dim)).max() < 1e-14 * scale
        assert np.array_equal(inverse(matrix, threads=2), found)


SCRIPT = f"""
import hashlib, numpy as np
from eulerot._linear_algebra import inverse, product
from eulerot.shooting.alignment import procrustes_rotation
from eulerot.shooting.regression import OtherCoordinates, curl_part
from eulerot.shooting.potential import regressed_potential
from eulerot.shooting.sweep_axes import Slope, best_axes
rng = np.random.default_rng(0)
results = [product(rng.standard_normal((m, k)), rng.standard_normal((k, n))) for m, k, n in {SHAPES}]
skew = rng.standard_normal((200, 200))
results.append(inverse(np.eye(200) + skew - skew.T))
z = rng.standard_normal((1201, 70))
x = np.sin(z[:, ::-1]) + z
results.append(OtherCoordinates.of(z, x).predicted(z))
results.append(best_axes(Slope(z, curl_part(z, x)), np.eye(70), iterations=4)[0])
potential = regressed_potential(z[:, :2], x[:, :2])
results += [potential.quadratic, potential.cosines]
for result in results:
    print(hashlib.sha256(result.tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_same_bits_on_any_number_of_threads_of_the_library():
    outputs = {python("-c", SCRIPT, env={"OPENBLAS_NUM_THREADS": n, "OMP_NUM_THREADS": n})[0] for n in ("1", "2", "5")}
    assert len(outputs) == 1 and len(outputs.pop().split()) == len(SHAPES) + 5


def test_polynomials_are_counted_before_they_are_listed():
    # all of them would be 170 million
    (powers, none), peak = peak_of(lambda: (polynomial_degrees(1000, 2999), polynomial_degrees(1000, 999)))
    assert powers.shape == (2000, 1000) and set(np.unique(powers.sum(axis=1))) == {1, 2}
    assert none.shape == (0, 1000) and peak < 4 * powers.nbytes


def test_regression_in_many_dimensions_has_bounded_memory():
    z = normal_points(2048, 400)
    x = z + z[:, ::-1] ** 2
    others, peak = peak_of(lambda: OtherCoordinates.of(z, x))
    assert len(others.powers) == 0 and peak < 5 * z.nbytes
    assert np.array_equal(others.without(z, x, (0, 1)), x[:, :2])
    z, x = z[:, :40], x[:, :40]
    others, peak = peak_of(lambda: OtherCoordinates.of(z, x))
    assert len(others.powers) == 120 and peak < 20 * z.nbytes


def test_the_terms_of_other_coordinates_are_those_with_a_factor_in_them():
    z = normal_points(4096, 5)
    x = np.stack([2 + y + (z[:, 0] ** 2 - 1) + z[:, 0] * z[:, 3] - z[:, 4] for y in z.T], axis=1)
    others = OtherCoordinates.of(z, x)
    left = others.without(z, x, (0, 1))
    share = 1 / 1.05  # of what is found, by the ridge
    expected = x[:, :2] - share * np.stack([z[:, 0] * z[:, 3] - z[:, 4]] * 2, axis=1)
    assert np.sqrt(np.mean((left - expected) ** 2)) < 0.05 < np.sqrt(np.mean((x[:, :2] - expected) ** 2))
    assert np.array_equal(left, others.without(z, x, (0, 1), others.predicted(z)))


def test_slopes_of_the_same_pairs_are_the_squared_slope():
    z = np.random.default_rng(0).standard_normal((300, 2))
    x = swirled(z) + z**2
    slope = Slope(z, x, modes=3)
    total = Slope(z, curl_part(z, x), modes=3)(np.eye(2))[0]
    assert np.isclose(slope.along_steepest(z, x).mean(), total, rtol=1e-12)


def test_slopes_of_noise_are_no_more_than_noise():
    rng = np.random.default_rng(0)
    scores = []
    for _ in range(100):
        z, x = rng.standard_normal((2, 400, 2))
        scores.append(standard_score(Slope(z[:300], x[:300]).along_steepest(z[300:], x[300:])))
    assert abs(np.mean(scores)) < 0.3 and np.std(scores) < 1.3


@pytest.mark.slow
def test_axes_of_one_mode_are_found_where_those_of_four_are_noise():
    axes, z = rotation(24), normal_points(1024, 24)
    x = monge(swirled(z, axes, peak=1.5))
    alignment = procrustes_rotation(z, x)
    fresh = np.random.default_rng(1).standard_normal((20_000, 24))
    measured = Slope(fresh @ alignment.T, curl_part(fresh @ alignment.T, monge(swirled(fresh, axes, peak=1.5))))
    y = z @ alignment.T
    data, own, there = curl_part(y, x), np.eye(24), measured(axes)[0]
    at_once = best_axes(Slope(y, data), own)[0]
    one_first = best_axes(Slope(y, data), best_axes(Slope(y, data, 1), own)[0])[0]
    assert measured(one_first)[0] > 0.8 * there and measured(at_once)[0] < 0.2 * there


@pytest.mark.parametrize("seed", range(3))
def test_planes_are_selected_by_the_rule_of_benjamini_and_hochberg(seed):
    rng = np.random.default_rng(seed)
    wrong, found = [], []
    for _ in range(200):
        gains = rng.standard_normal((40, 50)) + 0.6 * (np.arange(40) < 10)[:, None]
        kept = significant(list(gains), 40, share=0.2)
        wrong.append(np.sum(kept >= 10) / max(len(kept), 1))
        found.append(np.sum(kept < 10))
    assert np.mean(wrong) < 0.2 and np.mean(found) > 8
    noise = [len(significant(list(rng.standard_normal((40, 50))), 40, share=0.2)) > 0 for _ in range(200)]
    assert np.mean(noise) < 0.3


def test_trials_that_were_given_up_count():
    gains = [np.arange(10.0) - 2.6]  # a score of 2: significant if it is the only trial, not as one of ten
    assert len(significant(gains, 1, share=0.2)) == 1 and len(significant(gains, 10, share=0.2)) == 0
    assert significant([], 10, share=0.2).shape == (0,)
    assert standard_score(np.zeros(5)) == 0.0 == standard_score(np.ones(1))
    assert standard_score(np.ones(5)) == np.inf == -standard_score(-np.ones(5))


@pytest.mark.slow
def test_nothing_is_kept_where_nothing_is_to_be_gained():
    z = normal_points(1024, 8)
    x = monge(z @ rotation(8).T)  # optimal once it is aligned
    found = fit(z, x)
    assert found.status == "stalled" and "beyond chance; the map is the alignment alone" in found.message
    assert found.rearrangement.sweeps == () and found.cost_after < 0.5 * found.cost_before
    found = fit(z, monge(z), align=False)
    assert found.status == "stalled" and found.rearrangement.is_identity and found.cost_after == found.cost_before


@pytest.mark.slow
def test_few_pairs_in_32_dimensions_gain_beyond_alignment():
    axes, z = rotation(32), normal_points(4096, 32)
    found = fit(z, monge(swirled(z, axes, peak=1.5)), modes=6)
    fresh = np.random.default_rng(1).standard_normal((8192, 32))
    assert share_recovered(found.rearrangement, fresh, axes, peak=1.5) > 0.5


SIZES = [(64, 2), (64, 64), (100, 300), (1024, 256), (700, 784), (2048, 784), (8192, 64)]


@pytest.mark.parametrize(("n", "dim"), SIZES)
def test_latents_of_any_dimension_pass_their_own_check(n, dim):
    for seed in range(2):
        check_source(normal_points(n, dim, seed))
        check_source(random_source(n, dim, seed))


WRONG = {
    "wide": lambda z: 1.3 * z,
    "narrow": lambda z: 0.7 * z,
    "shifted": lambda z: z + 0.5,
    "data": monge,
    "a common part": lambda z: np.sqrt(0.5) * (z + np.random.default_rng(9).standard_normal((len(z), 1))),
    "one wide column": lambda z: np.concatenate([1.4 * z[:, :1], z[:, 1:]], axis=1),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
@pytest.mark.parametrize("dim", [4, 64, 300])
@pytest.mark.parametrize("points", [normal_points, random_source])
def test_latents_that_are_plainly_not_normal_are_refused(dim, wrong, points):
    with pytest.raises(eulerot.SourceError, match=r"z: expected (standard normal latents|independent columns); got"):
        check_source(wrong(points(2048, dim, 1)))


@pytest.mark.parametrize(("n", "dim"), [(256, 4), (1024, 32), (4096, 256)])
def test_a_correlated_pair_is_refused(n, dim):
    z = normal_points(n, dim)
    z[:, 1] = 0.5 * z[:, 0] + np.sqrt(0.75) * z[:, 1]
    with pytest.raises(eulerot.SourceError, match=r"z: expected independent columns; got a correlation of 0\.\d"):
        check_source(z)


def test_many_weak_correlations_are_refused():
    z = normal_points(4096, 784)
    for i in range(1, 784):
        z[:, i] = 0.5 * z[:, i - 1] + np.sqrt(0.75) * z[:, i]
    with pytest.raises(eulerot.SourceError, match="a direction in which the standardised columns have a variance"):
        check_source(z)


def test_frames_estimate_the_asymmetry_of_any_matrix():
    dim = 300
    matrix = np.eye(dim) + 0.5 * np.random.default_rng(0).standard_normal((dim, dim)) / np.sqrt(dim)
    matrix[:2, :2] += [[0.0, 9.0], [-9.0, 0.0]]  # most of it in one plane: the frames see that least surely
    exact = np.linalg.norm(matrix - matrix.T) / np.linalg.norm(matrix)
    assert abs(asymmetry(lambda z: z @ matrix.T, np.zeros((100, dim))) / exact - 1) < 0.01
    assert asymmetry(lambda z: z @ (matrix + matrix.T), np.zeros((2, dim))) < 1e-8


@pytest.mark.parametrize("dim", [3, 80])
def test_maps_are_called_on_blocks_of_bounded_size(dim, monkeypatch):
    def rows(z):
        sizes.append(len(z))
        return z + 0.1 * np.tanh(z[:, ::-1])

    points, results, sizes = np.random.default_rng(0).standard_normal((50, dim)), [], []
    directions = min(dim, 64)
    for numbers in (2**23, 10 * 2 * directions * dim):
        monkeypatch.setattr(_jacobian, "_NUMBERS", numbers)
        results.append(asymmetry(rows, points))
    assert sizes == [100 * directions] + 5 * [20 * directions]
    assert np.isclose(*results, rtol=1e-12 if dim <= 64 else 1e-2)


def test_determinants_in_many_dimensions_take_blocks():
    calls, matrix = [], np.diag(np.linspace(0.5, 2.0, 400))

    def linear(z):
        calls.append(z.size)
        return z @ matrix

    found = log_abs_det(linear, np.zeros((60, 400)), 1e-3)
    assert np.allclose(found, np.sum(np.log(np.diag(matrix))), rtol=1e-9) and found.shape == (60,)
    assert max(calls) <= 2**23 and len(calls) > 1


def test_check_of_a_flow_takes_fewer_points_in_many_dimensions():
    flow, sizes = LinearFlow(2 * np.eye(300), np.zeros(300)), []
    forward = flow.forward
    object.__setattr__(flow, "forward", lambda z: (sizes.append(len(z)), forward(z))[1])
    check_flow(flow)
    assert max(sizes) <= 2**23 // 300 and sizes[0] == 16


@pytest.mark.slow
def test_report_in_many_dimensions_has_bounded_memory():
    matrix = 1.5 * rotation(300)
    twin = RearrangedFlow(LinearFlow(matrix, np.zeros(300)), Rearrangement.identity(300))
    report, peak = peak_of(lambda: twin.report(256))
    assert peak < 2**29  # the points and images that Jacobians are computed from would be 740 MB
    exact = np.linalg.norm(matrix - matrix.T) / np.linalg.norm(matrix)
    assert report.asymmetry_before == pytest.approx(exact, rel=0.01)
