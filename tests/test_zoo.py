"""The flows that ship with the package: real flows, equal to what was trained."""

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

import eulerot
from eulerot.flows import zoo
from eulerot.flows.linear import LinearFlow
from eulerot.flows.protocol import check_flow
from eulerot.transport.cost import lower_bound, transport_cost

FEW = ("linear", "two_moons")  # for those who are in a hurry
TRAINED = [name for name in zoo.names() if name != "linear"]
APART = sorted((Path(__file__).parents[1] / "validation" / "zoo" / "weights").iterdir())
WEIGHTS = [*(files("eulerot.flows") / "weights" / f"{name}.npz" for name in TRAINED), *APART]


@pytest.mark.parametrize("path", WEIGHTS, ids=lambda path: path.name)
def test_equals_the_library_it_was_trained_with(path):
    with np.load(path) as arrays:
        z, x, log_prob = (arrays[f"check_{key}"] for key in ("z", "x", "log_prob"))
    with path.open("rb") as file:
        flow = zoo.read(file, path.name)
    assert np.abs(flow.forward(z) - x).max() < 1e-9
    assert np.abs(flow.inverse(x) - z).max() < 1e-9
    assert np.abs(flow.log_prob(x) - log_prob).max() < 1e-8


@pytest.mark.parametrize(
    "name", [name if name in FEW else pytest.param(name, marks=pytest.mark.slow) for name in zoo.names()]
)
def test_maps_and_density_belong_together(name):
    flow = zoo.load(name)
    check_flow(flow, tolerance=1e-3)
    z = np.random.default_rng(3).standard_normal((2000, flow.dim)) * np.resize([1.0, 2.0], flow.dim)
    assert np.abs(flow.inverse(flow.forward(z)) - z).max() < 1e-7
    assert np.array_equal(flow.sample(5, seed=1), flow.sample(5, seed=1))
    far = np.resize([40.0, -40.0], (1, flow.dim))
    assert np.abs(flow.inverse(flow.forward(far)) - far).max() < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in TRAINED if zoo.load(name).dim == 2])
def test_density_has_mass_one(name):
    flow, edge, n = zoo.load(name), 7.0, 350
    axis = -edge + (np.arange(n) + 0.5) * 2 * edge / n
    x = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    assert np.isclose(np.exp(flow.log_prob(x)).sum() * (2 * edge / n) ** 2, 1.0, atol=5e-3)


def test_checkerboard_learned_its_board():
    # log 32 is the entropy of the target: no density does better, a normal of its moments has 4.6
    flow = zoo.load("checkerboard")
    assert np.log(32) < flow.nll < np.log(32) + 0.1
    x = flow.sample(4000, seed=0) / 2
    on = (np.floor(x[:, 0]) + np.floor(x[:, 1])) % 2 == 0
    assert on.mean() > 0.93


def test_unknown_name():
    with pytest.raises(ValueError, match=r"name: expected one of checkerboard, .*; got 'moons'"):
        zoo.load("moons")


def test_linear_flow_is_solved_in_closed_form():
    flow = LinearFlow([[0.6, -1.4], [1.2, 0.8]], [1.0, -0.5])
    z = np.random.default_rng(0).standard_normal((200_000, 2))
    x = flow.forward(z)
    y = z @ flow.optimal_rotation.T
    assert np.abs(flow.monge_map(y) - x).max() < 1e-12
    assert np.isclose(transport_cost(z, x), flow.transport_cost, rtol=0.01)
    assert np.isclose(transport_cost(y, x), flow.optimal_cost, rtol=0.01)
    assert np.isclose(lower_bound(y, x), flow.optimal_cost, rtol=0.01)


def test_linear_flow_refuses_what_is_no_flow():
    with pytest.raises(ValueError, match=r"expected shapes \(d, d\) and \(d,\); got \(2, 3\)"):
        LinearFlow(np.ones((2, 3)), [0.0, 0.0])
    with pytest.raises(ValueError, match="expected an invertible matrix"):
        LinearFlow([[1.0, 1.0], [1.0, 1.0]], [0.0, 0.0])


def test_a_linear_flow_that_reverses_orientation():
    flow = LinearFlow([[0.0, -2.0], [-1.0, 0.0]], [1.0, 0.0])
    assert np.allclose(flow.optimal_rotation, [[0, -1], [-1, 0]]) and np.isclose(flow.optimal_cost, 2.0)
    s = eulerot.rearrange(flow, n_pairs=256, modes=2).rearrangement
    assert np.abs(s.forward([[1.0, 2.0]]) - [[-2.0, -1.0]]).max() < 0.01
