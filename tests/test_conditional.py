"""Conditional planes: the kernel against a naive oracle, exact preservation and inverse, gradients, files, and fits."""

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest
from differences import derivative, jacobians
from scipy.linalg import expm
from scipy.stats import norm
from swirls import monge, rotated_axes

import eulerot
from eulerot import pages
from eulerot.euler.geodesic import Geodesic
from eulerot.euler.grid import Grid
from eulerot.rearrangement.composition import Rearrangement
from eulerot.rearrangement.conditional import ConditionalSweep
from eulerot.rearrangement.sweep import Sweep
from eulerot.shooting import conditional_fit
from eulerot.shooting.conditional_training import Layout, adam_step, first_sweeps, mean_gradient
from eulerot.shooting.polynomial_potential import polynomial_potential
from eulerot.transport.cost import transport_cost


def some_sweep(dim=7, planes=2, hidden=5, modes=4, steps=2, scale=0.5, seed=0, **options):
    """Return a sweep that moves latents by a third of a standard deviation and more."""
    rng = np.random.default_rng(seed)
    weights = scale * rng.standard_normal((planes, hidden + 1, modes, modes))
    directions, offsets = rng.standard_normal((dim - 2 * planes, hidden)), rng.standard_normal(hidden)
    return ConditionalSweep(rotated_axes(dim, seed), directions, offsets, weights, steps=steps, **options)


def normal(n, dim, seed=1):
    return np.random.default_rng(seed).standard_normal((n, dim))


def naive(sweep, z):
    """Move one latent by fixed-point iteration in the box, with no reflections, sums written out, and no Newton."""
    r = sweep.axes @ z
    others = r[2 * len(sweep.weights) :]
    features = np.append(1.0, np.tanh(others @ sweep.directions + sweep.offsets))
    for j, weights in enumerate(sweep.weights):
        vorticity = np.einsum("h,hkl->kl", features, weights)
        vorticity = vorticity / np.sqrt(1 + np.sum(vorticity**2) / sweep.bound**2)
        u = np.pi * norm.cdf(r[2 * j : 2 * j + 2])
        for _ in range(sweep.steps):
            middle = u
            for _ in range(400):
                velocity = np.zeros(2)
                for k in range(1, len(vorticity) + 1):
                    for m in range(1, len(vorticity) + 1):
                        a = vorticity[k - 1, m - 1] / (k**2 + m**2)
                        velocity[0] += a * np.sin(k * middle[0]) * m * np.cos(m * middle[1])
                        velocity[1] -= a * k * np.cos(k * middle[0]) * np.sin(m * middle[1])
                middle = u + 0.5 / sweep.steps * velocity
            u = 2 * middle - u
        r[2 * j : 2 * j + 2] = norm.ppf(u / np.pi)
    return sweep.axes.T @ r


def test_map_equals_a_naive_one():
    sweep, z = some_sweep(steps=2), normal(8, 7)
    moved = sweep.forward(z)
    assert np.abs(moved - z).max() > 0.3
    assert np.abs(moved - [naive(sweep, each) for each in z]).max() < 1e-12


def test_map_converges_to_the_flow_at_second_order():
    z = normal(50, 7)
    # the saturation depends on the steps: vorticity as weak as this hardly feels it
    coarse, fine, finest = (some_sweep(steps=n, scale=0.005).forward(z) for n in (1, 2, 64))
    strong = [np.abs(each - finest).max() for each in (coarse, fine)]
    assert 3.8 < strong[0] / strong[1] < 4.2


@pytest.mark.parametrize("steps", [1, 3])
def test_inverse_undoes_the_map_far_out_too(steps):
    sweep, z = some_sweep(steps=steps, scale=5.0), 3 * normal(2000, 7)
    assert np.abs(z).max() > 10
    moved = sweep.forward(z)
    assert np.abs(moved - z).max() > 0.3
    assert np.abs(sweep.inverse(moved) - z).max() < 1e-11


def test_steps_are_solved_however_strong_the_weights_are():
    for modes in (1, 4, 6):
        sweep = some_sweep(modes=modes, scale=1e4, steps=1)
        z = 4 * normal(3000, 7)
        assert np.abs(sweep.inverse(sweep.forward(z)) - z).max() < 1e-9


def test_gaussian_volume_is_preserved():
    sweep, z = some_sweep(scale=2.0), normal(200, 7)
    moved = sweep.forward(z)

    def change(matrices):
        return np.linalg.slogdet(matrices)[1] - 0.5 * np.sum(moved**2 - z**2, axis=1)

    found = Rearrangement(np.eye(7), (sweep,))
    by_adjoint = np.stack([found.pullback(z, np.tile(row, (200, 1))) for row in np.eye(7)], axis=1)
    assert np.abs(change(by_adjoint)).max() < 1e-12
    assert np.abs(change(jacobians(sweep.forward, z))).max() < 1e-7
    assert np.array_equal(sweep.log_abs_det(z), np.zeros(200))


def test_other_coordinates_stay_and_steer():
    sweep, z = replace(some_sweep(), axes=np.eye(7)), normal(100, 7)
    moved = sweep.forward(z)
    assert np.abs(moved - z)[:, 4:].max() == 0
    other = z.copy()
    other[:, 4:] += 1.0
    assert np.abs((sweep.forward(other) - moved)[:, :4]).max() > 0.05


def test_samples_stay_normal():
    moved = some_sweep(scale=3.0).forward(normal(40_000, 7))
    assert np.abs(moved.mean(axis=0)).max() < 0.02
    assert np.abs(np.cov(moved.T) - np.eye(7)).max() < 0.03
    assert np.abs(np.mean(moved**4, axis=0) - 3).max() < 0.15


@pytest.mark.parametrize("share", [1.0, -1.0, 0.4])
def test_adjoint_equals_central_differences(share):
    sweep, rng = some_sweep(scale=1.0), np.random.default_rng(2)
    z, covectors = rng.standard_normal((2, 30, 7))

    def objective(sweep, z):
        end, passage = sweep.recorded(z, share)
        return float(np.sum(covectors * end) + 0.15 * np.sum(passage.vorticity**2))

    bars, gradient = sweep.pulled_back(covectors, sweep.recorded(z, share)[1], 0.3)
    along = rng.standard_normal(z.shape)
    expected = [(np.sum(bars * along), derivative(lambda h: objective(sweep, z + h * along), 1e-3))]
    for name in ("directions", "offsets", "weights"):
        value, turn = getattr(sweep, name), rng.standard_normal(getattr(sweep, name).shape)
        moved = derivative(lambda h, v=value, t=turn, n=name: objective(replace(sweep, **{n: v + h * t}), z), 1e-3)
        expected.append((np.sum(getattr(gradient, name) * turn), moved))
    omega = rng.standard_normal((7, 7))
    omega -= omega.T
    turned = derivative(lambda h: objective(replace(sweep, axes=expm(h * omega) @ sweep.axes), z), 1e-3)
    expected.append((0.5 * np.sum(gradient.turn * omega), turned))
    for exact, found in expected:
        assert abs(exact - found) < 1e-8 * max(abs(exact), 1.0)


def test_gradient_of_a_batch_equals_central_differences():
    layout = Layout(dim=5, planes=1, hidden=4, modes=3, steps=1)
    rng = np.random.default_rng(0)
    vector = layout.vector(first_sweeps(layout, 2, rng))
    for *_, weights in layout.arrays(vector):
        weights[:] = 0.3 * rng.standard_normal(weights.shape)
    z, x = rng.standard_normal((2, 300, 5))
    phi = polynomial_potential(z, x)
    along = rng.standard_normal(vector.shape)
    for axes, *_ in layout.arrays(along):
        axes[:] = 0.0  # they turn, see above

    def objective(h):
        latents, penalty = z, 0.0
        for sweep in layout.sweeps(vector + h * along):
            latents, passage = sweep.recorded(latents)
            penalty += 0.5 * 0.1 * np.sum(passage.vorticity**2) / len(z)
        return float(np.mean(phi.pair_costs(latents, x)[0])) + penalty

    exact = mean_gradient(layout, vector, (z, x), phi, 0.1) @ along
    assert abs(exact - derivative(objective, 1e-3)) < 1e-8 * abs(exact)


def test_axes_stay_orthogonal_as_they_turn():
    layout = Layout(dim=6, planes=2, hidden=3, modes=2, steps=1)
    vector = layout.vector(first_sweeps(layout, 3, np.random.default_rng(0)))
    state = np.stack([vector, *np.zeros((2, len(vector)))])
    for n in range(1, 200):
        gradient = np.random.default_rng(n).standard_normal(len(vector))
        for turn, *_ in layout.arrays(gradient):
            turn -= turn.T.copy()
        adam_step(layout, state, gradient, n, 0.01)
    for (axes, *_), (before, *_) in zip(layout.arrays(state[0]), layout.arrays(vector), strict=True):
        assert np.abs(axes @ axes.T - np.eye(6)).max() < 1e-13
        assert np.abs(axes - before).max() > 0.1


def some_map(threads=1):
    """Return a map of geodesics, and of conditional planes after them."""
    x, y = Grid((8, 8), "cube").mesh()
    geodesic = Geodesic(np.sin(x) * np.sin(2 * y), Grid((8, 8), "cube"), threads=threads)
    first = Sweep((geodesic,), rotated_axes(7, 3), ((0, 2),))
    return Rearrangement(rotated_axes(7, 4), (first, some_sweep(threads=threads), some_sweep(seed=5, threads=threads)))


def test_map_of_both_kinds():
    found, z = some_map(), normal(60, 7)
    y = found.forward(z)
    assert found.conditional_planes == 4
    assert len(found.geodesics) == 1
    assert np.abs(found.inverse(y) - z).max() < 1e-9
    assert np.abs(found.log_abs_det(z)).max() < 1e-8
    covectors = normal(60, 7, seed=9)
    by_differences = np.einsum("nij,ni->nj", jacobians(found.forward, z), covectors)
    assert np.abs(found.pullback(z, covectors) - by_differences).max() < 1e-6
    by_differences = np.einsum("nij,ni->nj", jacobians(found.inverse, y), covectors)
    assert np.abs(found.inverse_pullback(y, covectors) - by_differences).max() < 1e-6


def test_page_says_where_conditional_planes_stand():
    pytest.importorskip("matplotlib").use("Agg")
    both, z = some_map(), normal(40, 7)
    alone = replace(both, sweeps=both.sweeps[1:])
    for found, place, caption in (
        (both, "come after the geodesics", "The paths of latents, and the initial vorticities and velocities."),
        (alone, "stand in place of geodesics", "The paths of latents."),
    ):
        text = pages.pairs_page(z, 2 * z, found).html()
        assert f"4 conditional planes {place}: planes whose" in text and caption in text


def test_path_begins_and_ends_where_it_should_and_preserves_the_source():
    found, z = some_map(), normal(60, 7)
    path = found.path(z, [0.0, 0.5, 0.8, 0.999999, 1.0])
    assert np.array_equal(path[0], z)
    assert np.abs(path[-1] - found.forward(z)).max() < 1e-9
    assert 0 < np.abs(path[-1] - path[-2]).max() < 1e-4
    sweep = some_sweep()
    half = jacobians(lambda rows: sweep.path(rows, [0.5])[0], z)
    moved = sweep.path(z, [0.5])[0]
    assert np.abs(np.linalg.slogdet(half)[1] - 0.5 * np.sum(moved**2 - z**2, axis=1)).max() < 1e-7


def test_files_copies_and_pickles_have_the_same_bits(tmp_path):
    found, z = some_map(), normal(50, 7)
    expected = found.forward(z).tobytes()
    found.save(tmp_path / "map")
    copies = [
        Rearrangement.load(tmp_path / "map"),
        Rearrangement.from_bytes(found.to_bytes()),
        pickle.loads(pickle.dumps(found)),
        copy.deepcopy(found),
    ]
    assert [each.forward(z).tobytes() for each in copies] == [expected] * 4
    assert [each.conditional_planes for each in copies] == [4] * 4


def test_files_without_conditional_planes_are_for_older_readers_too():
    plain = replace(some_map(), sweeps=some_map().sweeps[:1])
    versions = [int(np.load(_stream(each.to_bytes()))["version"]) for each in (plain, some_map())]
    assert versions == [3, 4]


def _stream(data):
    import io

    return io.BytesIO(data)


def test_threads_do_not_change_a_bit():
    z = normal(3000, 7)
    one, two = some_map(1), some_map(2)
    assert one.forward(z).tobytes() == two.forward(z).tobytes()
    assert one.inverse(z).tobytes() == two.inverse(z).tobytes()
    assert one.pullback(z, z[::-1]).tobytes() == two.pullback(z, z[::-1]).tobytes()


def test_what_is_no_geodesic_is_refused_with_the_reason():
    with pytest.raises(ValueError, match=r"certificate: expected geodesics; got conditional planes\. Planes whose"):
        some_map().certificate()
    with pytest.raises(ValueError, match=r"tabulated: .* got conditional planes"):
        some_map().tabulated()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"weights": np.zeros((2, 6, 4, 3))}, "weights: expected shape"),
        ({"weights": np.zeros((4, 6, 4, 4))}, "weights: expected shape"),
        ({"weights": np.zeros((6, 4, 4))}, "weights: expected shape"),
        ({"offsets": np.full(5, np.nan)}, "offsets: expected finite values"),
        ({"axes": np.ones((7, 7))}, "axes: expected an orthogonal matrix"),
        ({"steps": 0}, "steps: expected"),
    ],
)
def test_bad_sweeps_are_refused(change, words):
    with pytest.raises(ValueError, match=words):
        replace(some_sweep(), **change)


# Fits


def turned(z):
    """Return latents with a plane rotated by an angle that depends on the other coordinates, and has mean zero."""
    angle = 1.5 * np.tanh(z[:, 2] * z[:, 3])
    cos, sin = np.cos(angle), np.sin(angle)
    return np.column_stack([cos * z[:, 0] - sin * z[:, 1], sin * z[:, 0] + cos * z[:, 1], z[:, 2:]])


@pytest.fixture
def quick(monkeypatch):
    """Make fits small, with a penalty for data that have no noise."""
    small = {"_SWEEPS": 4, "_HIDDEN": 12, "_MODES": 3, "_MOST_STEPS": 320, "_LOOKS": 8, "_PENALTY_OF_FEW": 1e-3}
    for name, value in small.items():
        monkeypatch.setattr(conditional_fit, name, value)


QUICK = {"modes": 3, "geodesics": 1, "max_iterations": 5, "conditional": True, "threads": 1}


@pytest.fixture(scope="module")
def pairs():
    z = normal(4000, 4, seed=3)
    return z, monge(turned(z))


def test_planes_that_see_the_other_coordinates_find_what_geodesics_cannot(quick, pairs):
    result = eulerot.fit(*pairs, **QUICK)
    assert result.rearrangement.conditional_planes == 4
    assert "no geodesics of the Euler equations" in result.message
    assert result.history[-1].geodesics == 0
    z = normal(4000, 4, seed=4)
    truth = turned(z)
    before, after, least = (transport_cost(y, monge(truth)) for y in (z, result.rearrangement.forward(z), truth))
    assert (before - after) / (before - least) > 0.5
    plain = eulerot.fit(*pairs, **QUICK | {"conditional": False})
    assert plain.rearrangement.conditional_planes == 0
    assert result.cost_after < plain.cost_after


def test_fit_has_the_same_bits_on_two_threads(quick, pairs):
    one, two = (eulerot.fit(*(rows[:600] for rows in pairs), **QUICK | {"threads": n}) for n in (1, 2))
    assert one.rearrangement.conditional_planes > 0
    assert one.rearrangement.to_bytes() == two.rearrangement.to_bytes()


def test_noise_is_not_kept(quick):
    z, noise = np.random.default_rng(0).standard_normal((2, 400, 4))
    result = eulerot.fit(z, 2 * z + noise, **QUICK)
    assert result.rearrangement.conditional_planes == 0
    assert "Conditional planes did not lower the held-out cost beyond chance" in result.message


def test_fit_that_is_stopped_goes_on_to_the_same_bits(quick, pairs, tmp_path, monkeypatch):
    few = [rows[:600] for rows in pairs]
    whole = eulerot.fit(*few, **QUICK)
    trained, seen = conditional_fit.ConditionalFit._trained, []

    def stopped(self, look, state):
        seen.append(look)
        if seen.count(3) == 1 and look == 3:
            raise KeyboardInterrupt
        return trained(self, look, state)

    monkeypatch.setattr(conditional_fit.ConditionalFit, "_trained", stopped)
    kept = {"checkpoint": tmp_path / "kept"}
    first = eulerot.fit(*few, **QUICK | kept)
    assert first.status == "interrupted"
    again = eulerot.fit(*few, **QUICK | kept)
    assert seen[:7] == [0, 1, 2, 3, 2, 3, 4]  # the last answer that was kept is computed again
    assert again.rearrangement.to_bytes() == whole.rearrangement.to_bytes()


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_conditional_is_refused_in_few_dimensions(dim):
    z = normal(400, dim)
    with pytest.raises(ValueError, match=f"conditional: expected latents of 4 dimensions or more.*got {dim}"):
        eulerot.fit(z, 2 * z, conditional=True)


def test_conditional_is_a_flag():
    with pytest.raises(ValueError, match="conditional: expected True or False; got 'yes'"):
        eulerot.fit(normal(400, 4), normal(400, 4), conditional="yes")


def test_report_says_what_is_no_geodesic():
    from eulerot.flows.linear import LinearFlow
    from eulerot.flows.rearranged import RearrangedFlow

    only = replace(some_map(), sweeps=some_map().sweeps[1:])
    report = RearrangedFlow(LinearFlow(2 * np.eye(7), np.zeros(7)), only).report(16)
    assert report.conditional_planes == 4
    assert "conditional planes: 4, which are no geodesics; no certificate" in str(report)
