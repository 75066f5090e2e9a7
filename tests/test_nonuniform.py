"""Particles by a non-uniform FFT: the same as by direct sums, and as by splines but for their error."""

import sys

import numpy as np
import pytest
from fields import noise
from test_particles import direct_velocity, random_positions

from eulerot.euler.equations import equation_of
from eulerot.euler.grid import Grid
from eulerot.euler.integrators import RK4
from eulerot.euler.particles.nonuniform import NonuniformAdvection
from eulerot.euler.particles.phases import to_positions
from eulerot.euler.solver import solve_euler


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("domain", ["torus", "cube"])
def test_positions_equal_those_of_direct_sums(domain, dim):
    grid, dt = Grid((14, 16, 12)[:dim], domain, lengths=(2.0, 3.0, 4.0)[:dim]), 0.02
    equation = equation_of(grid)
    phases = random_positions(grid, 50)
    stages = np.stack([equation.analysed(noise(grid, seed)) for seed in range(RK4.stages)])
    slopes = []
    for stage, weights in zip(stages, RK4.a, strict=True):
        now = phases + dt * sum((w * s for w, s in zip(weights, slopes, strict=False)), start=0.0)
        slopes.append(direct_velocity(equation.carrier(stage), grid, now) * grid.scales)
    expected = phases + dt * np.tensordot(RK4.b, slopes, axes=1)
    moved = NonuniformAdvection(equation, RK4, 1).advance(phases, stages, dt)
    assert np.abs(expected - phases).max() > 1e-3
    assert np.abs(to_positions(moved, grid) - to_positions(expected, grid)).max() < 1e-12


def test_positions_in_a_field_of_few_modes_are_those_by_splines():
    grid = Grid((24, 24))
    x, y = grid.mesh()
    splines, fast = (
        solve_euler(
            np.cos(x) + np.cos(2 * y), grid, time=0.5, steps=20, particles=[[1.0, 2.0], [6.0, 0.1]], evaluation=each
        ).positions
        for each in ("splines", "nufft")
    )
    assert np.abs(splines - fast).max() < 1e-13


@pytest.mark.slow
def test_threads_do_not_change_a_bit():
    grid = Grid((32, 32))
    x, y = grid.mesh()
    points = np.random.default_rng(1).uniform(0, 6, (3000, 2))
    one, two = (
        solve_euler(
            np.cos(x) + np.cos(2 * y), grid, time=1.0, steps=9, particles=points, evaluation="nufft", threads=threads
        )
        for threads in (1, 2)
    )
    assert np.array_equal(one.positions, two.positions)


def test_says_what_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "finufft", None)
    grid = Grid((8, 8))
    with pytest.raises(ImportError, match=r"pip install eulerot\[nufft\]"):
        solve_euler(np.zeros(grid.points), grid, time=1.0, particles=[[1.0, 2.0]], evaluation="nufft")
    with pytest.raises(ValueError, match="evaluation: expected 'splines' or 'nufft'; got 'fft'"):
        solve_euler(np.zeros(grid.points), grid, time=1.0, evaluation="fft")
