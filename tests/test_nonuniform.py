"""Particles by a non-uniform FFT: the same as by direct sums."""

import sys

import numpy as np
import pytest
from fields import noise

from eulerot.euler.grid import Grid
from eulerot.euler.solver import solve_euler


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("domain", ["torus", "cube"])
def test_positions_equal_those_of_direct_sums(domain, dim):
    grid = Grid((14, 16, 12)[:dim], domain, lengths=(2.0, 3.0, 4.0)[:dim])
    points = np.random.default_rng(1).uniform(0, grid.sides, (50, dim))
    direct, fast = (
        solve_euler(noise(grid), grid, time=0.5, steps=20, particles=points, tail_limit=None, evaluation=evaluation)
        for evaluation in ("direct", "nufft")
    )
    assert np.abs(direct.positions - points).max() > 0.05
    assert np.abs(direct.positions - fast.positions).max() < 1e-12


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
    with pytest.raises(ValueError, match="evaluation: expected 'direct' or 'nufft'; got 'fft'"):
        solve_euler(np.zeros(grid.points), grid, time=1.0, evaluation="fft")
