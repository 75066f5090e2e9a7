"""The planted problems of the validation: what they claim to know is true."""

import sys
from pathlib import Path

import numpy as np
import pytest
from differences import jacobians
from scipy.integrate import quad
from scipy.stats import norm

from eulerot.flows.protocol import check_flow
from eulerot.transport.asymmetry import asymmetry
from eulerot.transport.cost import exact_cost, transport_cost

sys.path.append(str(Path(__file__).parents[1] / "validation" / "fits"))
from problems import PLANTED, MonotoneMap

each_flow = pytest.mark.parametrize("flow", PLANTED.values(), ids=PLANTED)


@each_flow
def test_forward_and_inverse(flow):
    z = flow.latents(2000, seed=1) * [[1.0, 3.0]]
    assert np.abs(flow.inverse(flow.forward(z)) - z).max() < 1e-12
    x = np.random.default_rng(2).uniform(-20.0, 20.0, (2000, 2))
    assert np.abs(flow.forward(flow.inverse(x)) - x).max() < 1e-12
    assert np.array_equal(flow.sample(5, seed=3), flow.forward(flow.latents(5, seed=3)))


@each_flow
def test_log_prob_is_the_change_of_variables(flow):
    z = flow.latents(500, seed=2)
    expected = norm.logpdf(z).sum(axis=1) - np.log(np.linalg.det(jacobians(flow.forward, z)))
    assert np.abs(flow.log_prob(flow.forward(z)) - expected).max() < 1e-7
    check_flow(flow, tolerance=1e-6)


@each_flow
def test_rho_keeps_radius_and_area(flow):
    z = flow.latents(500, seed=3)
    y = flow.rho.forward(z)
    assert np.abs(y - z).max() > 0.5
    assert np.allclose(np.linalg.norm(y, axis=1), np.linalg.norm(z, axis=1), rtol=1e-14)
    assert np.abs(np.linalg.det(jacobians(flow.rho.forward, z)) - 1).max() < 1e-8
    assert np.abs(flow.rho.inverse(y) - z).max() < 1e-14


def test_rho_rotates_counter_clockwise():
    # at the origin by turn + peak, far away by turn only
    rho = PLANTED["turned"].rho
    near, far = rho.forward([[1e-9, 0.0], [50.0, 0.0]])
    assert np.isclose(np.arctan2(near[1], near[0]), 2.4, rtol=1e-12)
    assert np.isclose(np.arctan2(far[1], far[0]), 0.9, rtol=1e-12)


@each_flow
def test_optimal_cost_by_adaptive_quadrature(flow):
    def moved(y, height, rate, shift):
        return norm.pdf(y) * (0.3 * y + height * np.tanh(rate * y) + shift) ** 2

    terms = [quad(moved, -15, 15, args=args, epsabs=1e-13, limit=200)[0] for args in ((1.2, 2, 1.5), (0.5, 1, -0.5))]
    assert np.isclose(flow.optimal_cost, sum(terms), rtol=1e-11)


@each_flow
def test_cost_by_quadrature_in_polar_coordinates(flow):
    # trapezia in the angle and Gauss-Legendre in the radius, whose density is r exp(-r^2 / 2)
    nodes, weights = np.polynomial.legendre.leggauss(200)
    r, angle = 6 * (nodes + 1), np.arange(400) * 2 * np.pi / 400
    z = r[:, None, None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    ring = np.mean(np.sum((flow.forward(z) - z) ** 2, axis=-1), axis=1)
    assert np.isclose(flow.cost, np.sum(6 * weights * r * np.exp(-(r**2) / 2) * ring), rtol=1e-6)


@each_flow
def test_costs_of_a_large_sample(flow):
    z = flow.latents(400_000, seed=4)
    x, y = flow.forward(z), flow.rho.forward(z)
    for start, expected in ((z, flow.cost), (y, flow.optimal_cost)):
        squares = np.sum((x - start) ** 2, axis=1)
        assert abs(squares.mean() - expected) < 4 * squares.std() / np.sqrt(len(z))
    assert flow.cost > flow.optimal_cost + 0.1


@each_flow
def test_monge_map_leaves_no_excess_and_the_flow_does(flow):
    z = flow.latents(300, seed=5)
    y, x = flow.rho.forward(z), flow.forward(z)
    assert np.isclose(exact_cost(y, x), transport_cost(y, x), rtol=1e-12)
    assert transport_cost(z, x) - exact_cost(z, x) > 0.05
    assert asymmetry(flow.monge.forward, y) < 1e-9 < 0.05 < asymmetry(flow.forward, z)


def test_monotone_map_far_out():
    # tanh is 1 there, and Newton's first step from zero falls far short
    monge = MonotoneMap()
    y = np.array([[-100.0, 100.0], [0.0, 0.0], [30.0, -1e-8]])
    assert np.allclose(monge.inverse(monge.forward(y)), y, rtol=1e-14, atol=1e-15)
    assert np.allclose(monge.forward(y[0]), [-130 - 1.2 + 1.5, 130 + 0.5 - 0.5], rtol=1e-15)
    slopes = np.diagonal(jacobians(monge.forward, y), axis1=1, axis2=2)
    assert np.allclose(monge.derivative(y), slopes, rtol=1e-7)
