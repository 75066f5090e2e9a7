"""The twin of a flow, on one whose optimum is known: a linear map, and the rotation that makes it a Monge map."""

import numpy as np
import pytest

import eulerot
from eulerot.latent.source import random_source

FLOW = eulerot.zoo.load("linear")
OPTIONS = {"n_pairs": 512, "modes": 3, "max_iterations": 5}


@pytest.fixture(scope="module")
def twin():
    return eulerot.rearrange(FLOW, **OPTIONS)


@pytest.mark.slow
def test_the_twin_of_a_linear_flow_is_its_monge_map(twin):
    report = twin.report(2000)
    assert np.isclose(report.before.cost, FLOW.transport_cost, rtol=0.1)
    assert np.isclose(report.cost, FLOW.optimal_cost, rtol=0.1)
    assert report.closed > 0.99 and report.density_error < 1e-9
    y = random_source(300, 2, 1)
    assert np.abs(twin.forward(y) - FLOW.monge_map(y)).max() < 0.2


def test_the_twin_has_the_same_density_and_another_coupling(twin):
    y, s = random_source(300, 2, 2), twin.rearrangement
    x = twin.forward(y)
    assert np.array_equal(twin.log_prob(x), FLOW.log_prob(x))
    assert np.abs(x - FLOW.forward(s.inverse(y))).max() < 1e-12
    assert np.abs(twin.inverse(x) - y).max() < 1e-9
    assert np.abs(s.forward(FLOW.inverse(x)) - y).max() < 1e-9


def test_samples_and_pairs_follow_their_seed(twin):
    y, x = twin.pairs(50, seed=3)
    assert np.abs(twin.forward(y) - x).max() < 1e-9
    z = random_source(50, 2, 3)
    assert np.array_equal(x, FLOW.forward(z)) and np.array_equal(y, twin.rearrangement.forward(z))
    for draw in (twin.sample, lambda n, seed: twin.pairs(n, seed)[1]):
        assert np.array_equal(draw(50, 3), draw(50, 3)) and not np.array_equal(draw(50, 3), draw(50, 4))
    assert not np.array_equal(twin.sample(50), twin.sample(50))  # without a seed, each time others


def test_the_path_goes_straight_from_latents_to_data(twin):
    y = random_source(20, 2, 4)
    x = twin.forward(y)
    assert np.allclose(twin.path(y, [0.0, 0.25, 1.0]), [y, 0.75 * y + 0.25 * x, x], rtol=0, atol=1e-14)


@pytest.mark.slow
def test_the_seed_of_a_twin_chooses_its_pairs(twin):
    again, other = (eulerot.rearrange(FLOW, seed=seed, **OPTIONS) for seed in (0, 1))
    y = random_source(50, 2, 5)
    assert np.array_equal(again.forward(y), twin.forward(y)) and not np.array_equal(other.forward(y), twin.forward(y))


def test_a_flow_is_checked_unless_told_otherwise():
    class Contradictory:
        dim = 2
        forward, inverse, sample = FLOW.forward, FLOW.inverse, FLOW.sample

        def log_prob(self, x):
            return FLOW.log_prob(x) + 1.0

    with pytest.raises(eulerot.FlowError, match="The density lacks a constant, 1"):
        eulerot.rearrange(Contradictory(), **OPTIONS)
    twin = eulerot.rearrange(Contradictory(), check=False, **OPTIONS)
    assert twin.report(500).closed > 0.99


@pytest.mark.parametrize("n_pairs", [1, 0, 2.5, "many"])
def test_numbers_of_pairs_that_are_refused(n_pairs):
    with pytest.raises(ValueError, match="n_pairs: expected a whole number of at least 2"):
        eulerot.rearrange(FLOW, n_pairs=n_pairs)
