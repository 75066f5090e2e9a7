"""No fit and no excess depends on the shift or the scale of the data; equation (22)."""

import re
import warnings

import numpy as np
import pytest
from swirls import monge, swirled

import eulerot
from eulerot.errors import SampleWarning
from eulerot.latent.source import normal_points, random_source
from eulerot.transport.cost import transport_cost

OPTIONS = {
    1: {},
    2: {"modes": 5, "align": False, "geodesics": 3},
    3: {"modes": 3, "geodesics": 3},
    10: {"modes": 3, "geodesics": 1},
}


def fitted(z, x):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SampleWarning)
        return eulerot.fit(z, x, **OPTIONS[z.shape[1]])


SEVERAL = [(2, "random"), (2, "sobol"), (3, "random"), (10, "sobol")]


@pytest.fixture(
    scope="module", params=[(1, "random"), *(pytest.param(each, marks=pytest.mark.slow) for each in SEVERAL)], ids=str
)
def pairs_and_map(request):
    dim, kind = request.param
    z = random_source(1024, dim, 3) if kind == "random" else normal_points(1024, dim, 3)
    x = -np.sinh(z) if dim == 1 else monge(swirled(z))
    return z, x, fitted(z, x)


@pytest.mark.parametrize("scale", [2.0**-20, 0.25, 2.0**20])
def test_a_power_of_two_keeps_every_bit(pairs_and_map, scale):
    z, x, expected = pairs_and_map
    found = fitted(z, scale * x)
    assert found.rearrangement.forward(z).tobytes() == expected.rearrangement.forward(z).tobytes()
    assert found.status == expected.status


@pytest.mark.parametrize(
    ("scale", "shift"), [(1e-6, 0.0), (0.01, 0.0), (1e6, 0.0), (1.0, 10.0), (1.0, -1e6), (30.0, 1e3)]
)
def test_any_scale_and_shift_give_the_same_map(pairs_and_map, scale, shift):
    z, x, expected = pairs_and_map
    found = fitted(z, scale * x + shift)
    assert found.status == expected.status
    assert np.abs(found.rearrangement.forward(z) - expected.rearrangement.forward(z)).max() < 1e-6


def test_costs_are_those_of_the_units_given(pairs_and_map):
    z, x, expected = pairs_and_map
    y, shift = expected.rearrangement.forward(z), np.arange(1.0, 1 + z.shape[1])
    found = fitted(z, 4 * x + shift)
    for cost, latents in ((found.cost_before, z), (found.cost_after, y)):
        assert np.isclose(cost, np.mean(np.sum((4 * x + shift - latents) ** 2, axis=1)), rtol=0.25)
    # the gain is linear in the data
    gains = [result.cost_before - result.cost_after for result in (expected, found)]
    assert np.isclose(gains[1], 4 * gains[0], rtol=1e-3)
    for stage, other in zip(expected.history, found.history, strict=True):
        assert stage.iterations == other.iterations and other.train_cost > stage.train_cost


@pytest.mark.slow
@pytest.mark.parametrize("shift", [0.0, 10.0, 1e3])
@pytest.mark.parametrize("seed", range(4))
def test_shifted_moons_are_never_stalled_nor_worse(seed, shift):
    moons = eulerot.zoo.load("two_moons").forward
    z, fresh = random_source(1024, 2, seed), random_source(4000, 2, 99)
    result = eulerot.fit(z, moons(z) + shift, modes=5, regularisation=1e-3, geodesics=3, seed=seed)
    apart = moons(fresh)
    before, after = (transport_cost(y, apart) for y in (fresh, result.rearrangement.forward(fresh)))
    assert result.status != "stalled" and after < before - 0.3


def test_an_offset_does_not_swallow_the_excess():
    rng = np.random.default_rng(0)
    y, x = rng.standard_normal((200, 2)), rng.standard_normal((200, 2))
    expected = eulerot.transport_report(y, x).excess
    for offset in (1.0, 1e6, 1.1e9):
        assert np.isclose(eulerot.transport_report(y, x + np.array([0.0, offset])).excess, expected, rtol=1e-6)
    with_time_stamps = eulerot.transport_report(np.c_[y, np.zeros(200)], np.c_[x, np.full(200, 1.1e9)])
    assert np.isclose(with_time_stamps.excess, expected, rtol=1e-12)
    assert np.isclose(with_time_stamps.cost, 1.1e9**2, rtol=1e-6)


@pytest.mark.parametrize(
    ("before", "after", "words"), [("optimal", "optimal", "already optimal"), ("optimal", "apart", "worse: ")]
)
def test_closed_of_nothing_is_said_in_words(before, after, words):
    z = np.random.default_rng(1).standard_normal((300, 2))
    samples = {"optimal": 2 * z + 1e3, "apart": -z}
    reports = [eulerot.transport_report(z, samples[name]) for name in (before, after)]
    assert reports[0].excess == 0.0
    report = eulerot.FlowReport(*reports, 0.0, 0.0, 0.0)
    assert re.search(f"closed +{words}", str(report)) and np.isnan(report.closed)


@pytest.mark.parametrize("scale", [2.0**-20, 2.0**20, 1e-6, 1e6])
def test_the_exact_cost_is_optimal_in_any_units(scale):
    rng = np.random.default_rng(1)
    y, x = rng.standard_normal((2, 22, 1))
    least = np.mean((np.sort(y, axis=0) - np.sort(x, axis=0)) ** 2)  # in one dimension sorted samples are optimal
    assert np.isclose(eulerot.transport.cost.exact_cost(scale * y, scale * x), scale**2 * least, rtol=1e-12)
