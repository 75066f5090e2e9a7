"""The Knothe-Rosenblatt map by quadrature, against Gaussian mixtures whose conditionals are known."""

import numpy as np
import pytest
from mixture import Mixture

import eulerot
from eulerot.flows.knothe.flow import KnotheFlow
from eulerot.flows.protocol import check_flow

MIXTURES = {
    "one component": Mixture.random(2, 1, width=1.0, seed=0),
    "wide": Mixture.random(2, 3, width=1.0, seed=0),
    "narrow": Mixture.random(2, 4, width=0.3, seed=0),
    "three dimensions": Mixture.random(3, 3, width=1.0, seed=0),
    "three dimensions, narrow": Mixture.random(3, 3, width=0.5, seed=1),
}


@pytest.mark.parametrize(
    "name", [name if name == "wide" else pytest.param(name, marks=pytest.mark.slow) for name in MIXTURES]
)
def test_equals_the_conditionals_of_a_mixture(name):
    mixture = MIXTURES[name]
    dim = mixture.means.shape[1]
    flow = eulerot.knothe_flow(mixture.log_prob, dim=dim)
    assert flow.dim == dim and flow.outside < 1e-6 and flow.error < 2e-3
    assert abs(flow.mass - 1) < 1e-6
    x = mixture.sample(2000, seed=1)
    z = mixture.latents(x)
    gap = np.abs(flow.inverse(x) - z).max(axis=1)
    assert np.median(gap) < 1e-3 and np.quantile(gap, 0.99) < 1e-2
    assert np.abs(flow.inverse(flow.forward(z)) - z).max() < 1e-9
    density_gap = np.abs(flow.map_log_prob(x) - mixture.log_prob(x))
    assert np.median(density_gap) < 2e-3 and np.quantile(density_gap, 0.99) < 3e-2
    assert np.array_equal(flow.log_prob(x), mixture.log_prob(x))
    check_flow(flow, tolerance=1e-2)


def test_converges_in_the_nodes():
    # local cubics and exponentials between nodes refined fourfold: at least second order
    mixture = MIXTURES["wide"]
    x = mixture.sample(500, seed=2)
    gaps = [
        np.abs(eulerot.knothe_flow(mixture.log_prob, dim=2, points=n).inverse(x) - mixture.latents(x)).max()
        for n in (64, 128, 256)
    ]
    assert gaps[0] / gaps[1] > 3.5 and gaps[1] / gaps[2] > 3.5


def test_stated_error_is_the_total_variation():
    # against the mean over samples of the density itself, of half |map / density - 1|
    mixture = MIXTURES["narrow"]
    flow = eulerot.knothe_flow(mixture.log_prob, dim=2, points=48)
    x = mixture.sample(20000, seed=3)
    expected = 0.5 * np.mean(np.abs(np.expm1(flow.map_log_prob(x) - mixture.log_prob(x))))
    assert flow.error > 1e-3
    assert 0.7 < flow.error / expected < 1.4


def test_box_is_doubled_until_it_holds_the_mass():
    far = Mixture(np.array([0.5, 0.5]), np.array([[0.0, 0.0], [40.0, -25.0]]), np.stack([np.eye(2)] * 2))
    flow = eulerot.knothe_flow(far.log_prob, dim=2)
    assert abs(flow.mass - 1) < 1e-6
    x = far.sample(500)
    assert np.quantile(np.abs(flow.inverse(x) - far.latents(x)), 0.99) < 2e-2


def test_a_density_without_its_constant():
    mixture = MIXTURES["wide"]
    flow = eulerot.knothe_flow(lambda x: mixture.log_prob(x) + 3.0, dim=2, normalised=False)
    x = mixture.sample(100)
    assert np.isclose(flow.mass, np.exp(3.0), rtol=1e-6)
    assert np.allclose(flow.log_prob(x), mixture.log_prob(x), atol=1e-6)
    with pytest.raises(eulerot.FlowError, match=r"expected a density of mass one; got 20\.\d+ .*normalised=False"):
        eulerot.knothe_flow(lambda x: mixture.log_prob(x) + 3.0, dim=2)


@pytest.mark.slow
def test_a_density_with_sharp_edges():
    # uniform on [0, 1] x [0, 2]: the map is known, and the density jumps to zero
    def log_prob(x):
        inside = (x > 0).all(axis=1) & (x < [1, 2]).all(axis=1)
        return np.where(inside, -np.log(2), -np.inf)

    flow = eulerot.knothe_flow(log_prob, dim=2)
    assert abs(flow.mass - 1) < 1e-2 and flow.error < 2e-2
    assert np.allclose(flow.forward([[0.0, 0.0]]), [[0.5, 1.0]], atol=1e-2)
    assert np.isfinite(flow.forward([[9.0, -9.0]])).all()


def test_tails_are_finite_and_inverted():
    flow = eulerot.knothe_flow(MIXTURES["wide"].log_prob, dim=2)
    z = np.array([[7.0, -7.0], [-8.0, 8.0], [0.0, 6.0]])
    assert np.abs(flow.inverse(flow.forward(z)) - z).max() < 1e-6


@pytest.mark.slow
def test_through_the_public_adapter():
    mixture = MIXTURES["wide"]
    alone = eulerot.flow(log_prob=mixture.log_prob, dim=2)
    sampled = eulerot.flow(mixture)
    assert isinstance(alone, KnotheFlow) and isinstance(sampled, KnotheFlow)
    assert "Knothe-Rosenblatt" in sampled.map and "not the model's own map" in sampled.map
    twin = eulerot.rearrange(mixture, n_pairs=512, modes=4)
    assert "Knothe-Rosenblatt" in str(twin.report(200))
    x = mixture.sample(50)
    assert np.array_equal(twin.log_prob(x), mixture.log_prob(x))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dim": 4}, "dim: expected 2 or 3"),
        ({"dim": 2, "points": 3}, "points: expected a whole number of at least 8; got 3"),
        ({"dim": 2, "scale": 0.0}, "scale positive"),
    ],
)
def test_refused_options(options, message):
    with pytest.raises(ValueError, match=message):
        eulerot.knothe_flow(lambda x: x[:, 0], **options)


def test_refused_densities():
    with pytest.raises(eulerot.FlowError, match="got 16384 NaN"):
        eulerot.knothe_flow(lambda x: np.full(len(x), np.nan), dim=2)
    with pytest.raises(eulerot.FlowError, match=r"expected shape \(16384,\)"):
        eulerot.knothe_flow(lambda x: x, dim=2)
    with pytest.raises(eulerot.FlowError, match="dimension 2 or 3, got 4"):
        eulerot.flow(log_prob=lambda x: -0.5 * np.sum(x**2, axis=1), dim=4)
