"""Flows of velocities that are NumPy functions: against closed forms, both ways, with the density."""

import copy
import pickle

import numpy as np
import pytest
from scipy.linalg import expm

import eulerot
from eulerot.flows.protocol import check_flow
from eulerot.latent.source import log_normal

MATRIX = np.array([[0.3, -1.0], [0.8, -0.4]])


def linear(t, x):
    return x @ MATRIX.T


def bent(t, x):
    return np.stack([np.sin(x[:, 1] + t), 0.5 * np.cos(2 * x[:, 0]) - 0.3 * x[:, 1]], axis=1)


def test_a_linear_velocity_has_a_closed_form():
    flow = eulerot.velocity_flow(linear, 2, tolerance=1e-9)
    z = np.random.default_rng(0).standard_normal((50, 2))
    x = z @ expm(MATRIX).T
    assert np.abs(flow.forward(z) - x).max() < 1e-7 and np.abs(flow.inverse(x) - z).max() < 1e-7
    assert np.abs(flow.log_prob(x) - (log_normal(z) - np.trace(MATRIX))).max() < 1e-7
    assert flow.error < 1e-7 and "DOP853 to 1e-09" in flow.map


def test_the_error_is_stated_and_falls_with_the_tolerance():
    coarse, fine = (eulerot.velocity_flow(bent, 2, tolerance=each) for each in (1e-3, 1e-8))
    best = eulerot.velocity_flow(bent, 2, tolerance=1e-12)
    z = np.random.default_rng(1).standard_normal((200, 2))
    for flow in (coarse, fine):
        away = np.abs(flow.forward(z) - best.forward(z)).max()
        assert 0.02 * flow.error < away < 20 * flow.error
    assert fine.error < 1e-2 * coarse.error
    check_flow(fine)


def test_directions_and_orders():
    back = eulerot.velocity_flow(lambda x, t: -bent(1 - t, x), 2, times=(1.0, 0.0))
    z = np.random.default_rng(2).standard_normal((20, 2))
    assert back.field.order == "xt"
    there = eulerot.velocity_flow(lambda t, x: -bent(1 - t, x), 2, times=(1.0, 0.0))
    assert np.array_equal(back.forward(z), there.forward(z))
    assert np.abs(there.inverse(there.forward(z)) - z).max() < 1e-5
    named = eulerot.velocity_flow(lambda a, b: bent(b, a), 2, order="xt")
    assert np.abs(named.forward(z) - eulerot.velocity_flow(bent, 2).forward(z)).max() < 1e-12
    column = eulerot.velocity_flow(lambda t, x: np.hstack([x, t])[:, :2], 2)
    assert column.field.form == "column"


def test_it_is_rearranged_and_kept():
    flow = eulerot.velocity_flow(bent, 2)
    twin = eulerot.rearrange(flow, n_pairs=512, modes=4)
    report = twin.report(500)
    assert report.after.cost < report.before.cost and "DOP853" in report.map
    y, x = twin.pairs(10)
    for other in (copy.deepcopy(twin), pickle.loads(pickle.dumps(twin))):
        assert np.array_equal(other.forward(y), twin.forward(y)) and np.array_equal(other.log_prob(x), twin.log_prob(x))


@pytest.mark.parametrize(
    ("v", "options", "message"),
    [
        (3.0, {}, r"v: expected a velocity v\(t, x\); got float"),
        (linear, {"times": (1.0, 1.0)}, "times: expected two times that differ"),
        (linear, {"order": "yx"}, "order: expected 'tx' or 'xt'"),
        (linear, {"tolerance": 0.0}, "tolerance: expected a number between 1e-12 and 1"),
        (lambda t, x: x[:, :1], {}, r"of shape \(5, 2\) .* it returned shape \(5, 1\)"),
        (lambda t, x: x @ np.eye(3), {}, "it raised ValueError: matmul"),
        (lambda t, x: np.log(x), {}, "expected finite velocities; got NaN or infinity"),
        (lambda t, x: 1e3 * x**3, {}, "velocity_flow: expected"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_bad_velocities(v, options, message):
    with pytest.raises(ValueError, match=message):
        eulerot.velocity_flow(v, 2, **options)


def test_many_dimensions_have_maps_and_no_density():
    flow = eulerot.velocity_flow(lambda t, x: -x, 65)
    z = np.ones((3, 65))
    assert np.allclose(flow.forward(z), np.exp(-1), atol=1e-6)
    with pytest.raises(eulerot.FlowError, match="at most 64 dimensions for a density by the exact trace; got 65"):
        flow.log_prob(z)
