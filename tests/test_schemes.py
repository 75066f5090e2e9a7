"""Schemes of particles: coefficients, steps by the definition, and slopes that one stretch hands to the next."""

from dataclasses import replace

import numpy as np
import pytest
from differences import derivative, jacobians
from fields import random_geodesic
from naive_steps import carried, naive_steps
from scipy import integrate
from scipy.integrate._ivp import dop853_coefficients as hairer

from eulerot.euler.dormand_prince import DOP853_DENSE, DOP853_MORE
from eulerot.euler.grid import Grid
from eulerot.euler.integrators import DOP853, RK4
from eulerot.euler.particles import advection as particles
from eulerot.euler.particles.phases import to_phases
from eulerot.euler.particles.schemes import adams, multistep, runge_kutta

GRIDS = [Grid.from_modes(5), Grid.from_modes(4, domain="torus"), Grid((6, 6, 6), "cube")]
on_every_grid = pytest.mark.parametrize("grid", GRIDS, ids=str)


def test_the_continuous_extension_is_that_of_hairer():
    assert all(np.array_equal(row, hairer.A[13 + n, : 13 + n]) for n, row in enumerate(DOP853_MORE))
    assert np.array_equal(DOP853_DENSE, hairer.D)

    def velocity(t, y):
        return np.array([y[1] * np.cos(t), t - y[0]])

    begin, _ = adams(20, 0.1)
    start, slopes = np.array([1.0, 0.2]), []
    for time, row in zip(begin.times, begin.weights[:-1], strict=True):
        seen = start + begin.dt * sum((w * s for w, s in zip(row, slopes, strict=False)), np.zeros(2))
        slopes.append(velocity(time, seen))
    solver = integrate.DOP853(velocity, 0.0, start, 9.0, first_step=begin.dt, max_step=begin.dt, rtol=0.1, atol=1.0)
    solver.step()
    assert np.allclose(begin.times[-7:], 0.1 * np.arange(1, 8), rtol=0, atol=1e-14)
    expected = [velocity(time, solver.dense_output()(time)) for time in begin.times[-7:]]
    assert np.allclose(slopes[-7:], expected, rtol=0, atol=1e-13)


def test_weights_of_adams_integrate_polynomials():
    _, steps = adams(20, 0.1)
    nodes = np.arange(-6.0, 2.0)
    for row, order in zip(steps.weights, (7, 8), strict=True):
        for power in range(order):
            assert abs(row @ nodes**power - 1 / (power + 1)) < 1e-13 * max(1.0, 6.0**power)
    assert steps.weights[0, -1] == 0 and (steps.past, steps.stages) == (7, 1)


@pytest.mark.parametrize("count", [1, 2, 3, 9])
def test_several_ask_as_often_as_the_steps_that_they_replace(count):
    steps = multistep(count, -0.6)
    assert sum(each.count * each.stages for each in steps) == DOP853.stages * count
    assert np.isclose(sum(each.count * each.dt for each in steps), -0.6, rtol=1e-14)
    assert len(steps) == (1 if count < 3 else 2)


@on_every_grid
@pytest.mark.parametrize("steps", [adams(11, 0.02), runge_kutta(DOP853, 3, 0.1), runge_kutta(RK4, 3, 0.1)])
def test_steps_against_their_definition(grid, steps):
    advection, phases = carried(grid, steps)
    end = advection.advance(phases)
    assert np.abs(end - phases).max() > 0.01
    *_, (_, seen) = naive_steps(advection, phases)
    assert np.abs(end - seen[-1]).max() < 1e-13


@on_every_grid
def test_stretches_of_steps_hand_on_their_slopes(grid, monkeypatch):
    advection, phases = carried(grid, adams(30, 0.02))
    bar = np.cos(phases)

    def results():
        one = replace(advection)
        end, record = one.advance_recorded(phases)
        return end, *one.advance_jacobian(phases), *one.adjoint(record, bar), len(one._stretches)

    whole = results()
    monkeypatch.setattr(particles, "_STRETCH", 5 * advection._bytes)
    short = results()
    assert whole[-1] < short[-1] == 1 + 5
    for a, b in zip(whole[:-1], short[:-1], strict=True):
        assert np.array_equal(a, b)


@on_every_grid
def test_jacobian_against_central_differences(grid):
    advection, phases = carried(grid, adams(12, 0.02))
    jacobian = advection.advance_jacobian(phases[:20])[1]
    assert np.allclose(jacobian, jacobians(advection.advance, phases[:20]), rtol=1e-5, atol=1e-8)


@on_every_grid
def test_adjoint_to_eight_digits(grid):
    advection, phases = carried(grid, adams(16, 0.03))
    rng = np.random.default_rng(3)
    weights, shift = rng.standard_normal(phases.shape), 0.1 * rng.standard_normal(phases.shape)
    other = advection.carriers[::-1].copy()

    def objective(h):
        moved = replace(advection, carriers=advection.carriers + h * other)
        return np.sum(weights * moved.advance(phases + h * shift))

    carriers_bar, start_bar = advection.adjoint(advection.advance_recorded(phases)[1], weights)
    parts = np.sum(grid.weights * (np.conj(other) * carriers_bar).real) + np.sum(start_bar * shift)
    assert np.isclose(derivative(objective, 1e-3), parts, rtol=1e-8, atol=0)


def test_one_who_is_nowhere_does_no_harm():
    advection, phases = carried(GRIDS[0], adams(12, 0.02))
    lost = phases.copy()
    lost[[3, 140]] = np.nan, np.inf
    for run in (advection.advance, lambda at: advection.adjoint(advection.advance_recorded(at)[1], at)[1]):
        expected, found = run(phases), run(lost)
        assert np.array_equal(np.delete(found, [3, 140], axis=0), np.delete(expected, [3, 140], axis=0))
        assert np.isnan(found[[3, 140]]).all()


def test_the_error_falls_with_the_eighth_power_of_the_step():
    geodesic = random_geodesic(Grid((12, 12), "cube"), 1.5)
    phases = to_phases(np.random.default_rng(3).uniform(0.2, 2.9, (100, 2)), geodesic.grid)
    exact = geodesic.in_steps(40, 60).flow_map.advance(phases)
    found = [geodesic.in_steps(count, 60, multistep=True) for count in (5, 8)]
    steps = [each.flow_map.steps[1].dt for each in found]
    errors = [np.abs(each.flow_map.advance(phases) - exact).max() for each in found]
    assert np.log(errors[0] / errors[1]) / np.log(steps[0] / steps[1]) > 7.3
