"""Geodesics in space: gradients, inverses, and paths in a known flow."""

import numpy as np
import pytest
from differences import derivative
from fields import noise, random_field
from scipy.integrate import solve_ivp
from test_particles import SPACE

from eulerot.euler.equations import VelocityEquation
from eulerot.euler.geodesic import Geodesic
from eulerot.euler.grid import Grid
from eulerot.euler.integrators import RK4


@pytest.mark.parametrize("grid", [*SPACE, Grid((12, 10)), Grid((9, 8), "cube", lengths=(2.0, 3.0))])
def test_geodesic_gradient_against_central_differences(grid):
    rng = np.random.default_rng(5)
    field0, direction, field1_bar = (0.3 * noise(grid, seed) for seed in range(3))
    points, shift = rng.uniform(0.2, 1.8, (40, grid.dim)), 0.01 * rng.standard_normal((40, grid.dim))
    weights = rng.standard_normal((40, grid.dim))

    def geodesic(field):
        return Geodesic(field, grid, time=0.5, steps=8, tableau=RK4)

    def objective(h):
        there = geodesic(field0 + h * direction)
        # the inner product mean(a b), in which fields represent derivatives, summed over components
        final = np.sum(np.mean(there.field1 * field1_bar, axis=tuple(range(-grid.dim, 0))))
        return np.sum(weights * there.forward(points + h * shift)) + final

    field0_bar, start_bar = geodesic(field0).gradient(points, weights, field1_bar=field1_bar)
    exact = np.sum(np.mean(field0_bar * direction, axis=tuple(range(-grid.dim, 0)))) + np.sum(start_bar * shift)
    assert np.isclose(derivative(objective, 1e-3), exact, rtol=1e-8, atol=0)


@pytest.mark.parametrize("grid", SPACE, ids=lambda grid: grid.domain)
def test_geodesic_inverse_path_and_volume(grid):
    field0 = VelocityEquation(grid).synthesised(random_field(grid, decay=1.5))
    geodesic = Geodesic(field0, grid, steps=16)
    points = np.random.default_rng(4).uniform(0, grid.sides, (50, 3))
    end = geodesic.forward(points)
    assert np.abs(end - points).max() > 0.1
    assert np.abs(geodesic.inverse(end) - points).max() < 1e-11
    assert np.abs(geodesic.log_abs_det(points)).max() < 1e-10
    path = geodesic.path(points, [0.0, 0.3, 1.0])
    assert np.allclose(path[0], points, rtol=1e-15, atol=1e-15)
    assert np.abs(path[-1] - end).max() < 1e-10
    half = Geodesic(field0, grid, time=0.3, steps=16)
    assert np.abs(path[1] - half.forward(points)).max() < 1e-10


def abc(x, y, z, a=1.0, b=0.8, c=0.6):
    """The Arnold-Beltrami-Childress flow, a steady solution of the Euler equations."""
    return np.stack([a * np.sin(z) + c * np.cos(y), b * np.sin(x) + a * np.cos(z), c * np.sin(y) + b * np.cos(x)])


def test_path_in_the_abc_flow():
    grid = Grid((8, 8, 8))
    starts = np.array([[0.1, 0.2, 0.3], [3.0, 1.0, 5.0]])
    moved = Geodesic(abc(*grid.mesh()), grid, time=5.0, steps=100).forward(starts)
    for start, end in zip(starts, moved, strict=True):
        exact = solve_ivp(lambda _, x: abc(*x), (0, 5), start, method="DOP853", rtol=1e-13, atol=1e-13).y[:, -1]
        assert np.abs(end - exact).max() < 1e-10
