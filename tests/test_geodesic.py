"""Geodesics whose particles take other steps than their field, and the choice of steps."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from differences import derivative
from fields import random_field, random_geodesic

from eulerot.errors import ResolutionError
from eulerot.euler.equations import equation_of
from eulerot.euler.geodesic import Geodesic
from eulerot.euler.grid import Grid
from eulerot.euler.integrators import DOP853, RK4
from eulerot.euler.interpolated import FEWEST, InterpolatedTrajectory
from eulerot.euler.particles.phases import to_phases
from eulerot.euler.particles.schemes import runge_kutta
from eulerot.euler.refinement import Refinement
from eulerot.latent.chart import chart_distance, to_box

GRIDS = [Grid((12, 12), "cube"), Grid((16, 14)), Grid((6, 6, 6), "cube"), Grid((9, 8), "cube", lengths=(2.0, 3.0))]
distance = partial(chart_distance, domain="cube")


@pytest.mark.parametrize("grid", GRIDS, ids=str)
@pytest.mark.parametrize("settings", [{"steps": 2}, {"steps": 3, "multistep": True}])
def test_gradient_is_that_of_the_discrete_steps(grid, settings):
    rng = np.random.default_rng(5)
    start = random_geodesic(grid, 0.3, time=0.5, field_steps=11, tableau=RK4, **settings)
    direction = np.roll(start.field0, 1, axis=0)
    last_bar = np.cos(start.field0)
    points, shift = rng.uniform(0.2, 1.8, (40, grid.dim)), 0.01 * rng.standard_normal((40, grid.dim))
    weights = rng.standard_normal((40, grid.dim))

    def objective(h):
        there = replace(start, field0=start.field0 + h * direction)
        final = np.sum(there.field1 * last_bar) / np.prod(grid.points)
        return np.sum(weights * there.forward(points + h * shift)) + final

    field0_bar, start_bar = start.gradient(points, weights, field1_bar=last_bar)
    exact = np.sum(field0_bar * direction) / np.prod(grid.points) + np.sum(start_bar * shift)
    assert np.isclose(derivative(objective, 1e-2), exact, rtol=1e-8, atol=0)


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_the_field_keeps_its_tendency_at_each_step(grid):
    geodesic = random_geodesic(grid, 0.5, steps=2, field_steps=6, tableau=RK4)
    for field, tendency in geodesic._fields:
        expected = equation_of(grid).tendency(field)
        assert np.abs(tendency - expected).max() < 1e-14 * np.abs(expected).max()
    assert np.array_equal(geodesic._fields[0, 0], geodesic.field0_hat)


@pytest.mark.parametrize("time", [2.0, -0.7])
@pytest.mark.parametrize("count", [FEWEST, 13])
def test_particles_read_polynomials_of_degree_eleven_exactly(time, count):
    read = InterpolatedTrajectory(equation_of(GRIDS[0]), DOP853, time, runge_kutta(DOP853, 3, time / 3), count)
    knots = np.linspace(0.0, time, count + 1)
    times = time / 3 * (np.arange(3)[:, None] + DOP853.a.sum(axis=1)).ravel()
    for power in range(12):  # of the share of the time, to which the weights of values and slopes add up
        slopes = power * (knots / time) ** max(power - 1, 0) / time
        values = np.stack([(knots / time) ** power, slopes], axis=1).ravel()
        assert np.abs(read._reading @ values - (times / time) ** power).max() < 1e-12


@pytest.mark.parametrize("tableau", [RK4, DOP853], ids=lambda t: t.name)
def test_the_map_converges_with_the_order_of_the_scheme(tableau):
    geodesic = random_geodesic(GRIDS[0], 6.0, tableau=tableau)
    phases = to_phases(np.random.default_rng(3).uniform(0.2, 2.9, (100, 2)), geodesic.grid)
    exact = replace(geodesic, steps=160, tableau=DOP853).flow_map.advance(phases)
    counts = np.array([32, 64] if tableau is RK4 else [6, 12])
    errors = [
        np.abs(replace(geodesic, steps=n, field_steps=3 * n).flow_map.advance(phases) - exact).max() for n in counts
    ]
    assert np.log2(errors[0] / errors[1]) > tableau.order - 0.7


@pytest.mark.parametrize("multistep", [False, True])
def test_inverse_path_and_volume_agree_with_the_map(multistep):
    geodesic = random_geodesic(GRIDS[0], 0.5, steps=12, field_steps=36, multistep=multistep)
    points = np.random.default_rng(4).uniform(0.1, 3.0, (50, 2))
    end = geodesic.forward(points)
    assert np.abs(end - points).max() > 0.1
    assert np.abs(geodesic.inverse(end) - points).max() < 1e-10
    assert np.abs(geodesic.log_abs_det(points)).max() < 1e-9
    path = geodesic.path(points, [0.0, 0.3, 1.0])
    assert np.abs(path[0] - points).max() < 1e-14 and np.abs(path[-1] - end).max() < 1e-9
    joint = replace(geodesic, time=0.3, steps=40, field_steps=None, multistep=False)
    assert np.abs(path[1] - joint.forward(points)).max() < 1e-10


@pytest.mark.parametrize("multistep", [False, True])
def test_steps_are_no_more_than_the_tolerance_asks_for(multistep):
    rng = np.random.default_rng(7)
    phases = to_box(np.concatenate([rng.standard_normal((200, 2)), 3 * rng.standard_normal((50, 2))]))
    grid = Grid.from_modes(20)
    rough, fast = Geodesic.from_coefficients(8 * random_field(grid, decay=1.0), grid), random_geodesic(GRIDS[0], 6.0)
    start, tolerance = (rough, 1e-9) if multistep else (fast, 1e-6)  # for the fast one, several steps are unstable
    rough = Refinement(start).refined(phases, tolerance=tolerance, distance=distance)
    finest = replace(rough, steps=200, field_steps=None, multistep=False).flow_map.advance(phases)
    assert rough.steps > 4 and rough.multistep == multistep
    assert distance(rough.flow_map.advance(phases), finest) <= tolerance
    # by order eight a fifth fewer steps have six times the error, a third 25, of which what is to spare takes seven;
    # five of several steps are too few to leave out one
    some, of = (2, 3) if multistep else (4, 5)
    fewer = rough.in_steps(some * rough.steps // of, some * rough.field_steps // of, multistep=multistep)
    assert distance(fewer.flow_map.advance(phases), finest) > tolerance
    with pytest.raises(ResolutionError, match="8 steps do not bring"):
        Refinement(rough).refined(phases, tolerance=1e-13, distance=distance, most=8)


def test_too_few_steps_of_the_field_are_refused():
    for steps in (4, 9.5):
        with pytest.raises(ValueError, match="field_steps: expected a whole number of at least 5"):
            random_geodesic(GRIDS[0], 1.0, field_steps=steps)
    with pytest.raises(ValueError, match="multistep: expected False without field_steps"):
        random_geodesic(GRIDS[0], 1.0, multistep=True)
    with pytest.raises(ValueError, match="few_steps: expected a whole number of at least 3"):
        random_geodesic(GRIDS[0], 1.0, field_steps=9, multistep=True, few_steps=2)
    with pytest.raises(ValueError, match="tolerance: expected a positive number; got 0"):
        random_geodesic(GRIDS[0], 1.0, field_steps=9, multistep=True, tolerance=0.0)
