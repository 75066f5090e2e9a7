"""Particles in the plane and in space: the exact series, its transposes, and gradients against central differences."""

import math
import tracemalloc
from functools import partial

import numpy as np
import pytest
from differences import derivative, jacobians
from fields import random_field

from eulerot.euler.equations import equation_of
from eulerot.euler.grid import Grid
from eulerot.euler.integrators import DOP853, RK4, Tableau
from eulerot.euler.particles.advection import Advection
from eulerot.euler.particles.interpolant import interpolant, interpolant_transposed
from eulerot.euler.particles.phases import to_phases, to_positions
from eulerot.euler.trajectory import Trajectory

SPACE = [
    Grid((10, 14, 8), "torus", lengths=(5.0, 7.0, 2 * np.pi)),
    Grid((5, 8, 6), "cube", lengths=(2.0, 3.5, np.pi)),
]
GRIDS = [*(Grid.from_modes(modes, domain=domain) for domain in ("torus", "cube") for modes in (3, 6)), *SPACE]
on_every_grid = pytest.mark.parametrize("grid", GRIDS, ids=lambda grid: f"{grid.domain}, {grid.points}")


def smooth_field(grid, seed=0):
    return random_field(grid, seed, decay=1.5)


def random_positions(grid, n, seed=1):
    return to_phases(np.random.default_rng(seed).uniform(0, grid.sides, (n, grid.dim)), grid)


def stages_of(field, grid, *counts):
    """The same coefficients for every step and every stage."""
    coefs = basis_coefficients(field, grid)
    return np.tile(coefs, (*counts, *(1,) * coefs.ndim))


def direct_velocity(field, grid, positions):
    """The velocity by the definition, one product of trigonometric functions a coefficient."""
    if grid.dim == 2:  # of a stream function
        k, l = grid.wavenumbers
        field = np.stack([l * field, -k * field]) * (1 if grid.walls else 1j)
    out = np.zeros_like(positions)
    for n, point in enumerate(to_positions(positions, grid)):
        angles = [k * x for k, x in zip(grid.wavenumbers, point, strict=True)]
        for i in range(grid.dim):
            if grid.walls:
                wave = math.prod(np.sin(a) if j == i else np.cos(a) for j, a in enumerate(angles))
            else:
                wave = np.where(grid.wavenumbers[-1] > 0, 2, 1) * np.exp(1j * sum(angles))
            out[n, i] = np.sum(field[i] * wave).real
    return out


@on_every_grid
def test_velocity_is_the_series(grid):
    field, positions = smooth_field(grid), random_positions(grid, 37)
    euler = Tableau("Euler", np.zeros((1, 1)), np.ones(1), 1, 0.0)
    moved = Advection(grid, stages_of(field, grid, 1, 1), 1.0, euler).advance(positions)
    expected = direct_velocity(field, grid, positions)
    assert np.allclose((moved - positions) / grid.scales, expected, rtol=0, atol=1e-13)


@on_every_grid
def test_basis_field_is_the_transpose(grid):
    fields = np.stack([smooth_field(grid, seed) for seed in range(2)])
    coefs = basis_coefficients(fields, grid)
    derivative = np.random.default_rng(3).standard_normal(coefs.shape)
    represented = basis_field(derivative, grid)
    assert represented.shape == fields.shape
    inner = np.sum(grid.weights * np.conj(represented) * fields).real
    assert np.isclose(inner, np.sum(derivative * coefs), rtol=1e-12)


@pytest.mark.parametrize("grid", [Grid.from_modes(8), SPACE[1]], ids=["plane", "space"])
def test_positions_near_both_walls_keep_their_digits(grid):
    advection = Advection(grid, stages_of(smooth_field(grid), grid, 4, 4), 0.1, RK4)
    rows, axes = np.arange(2 * grid.dim), np.repeat(np.arange(grid.dim), 2)
    near = np.tile([0.3, -1.0, 0.5][: grid.dim], (2 * grid.dim, 1))
    near[rows, axes] = np.tile([1e-12, -1e-12], grid.dim)
    far = np.where(np.abs(near) < 1e-9, 1e6 * near, near)
    corner = np.array([[1e-200, -1e-30, -1e-100][: grid.dim]])
    # next to a wall the normal velocity is proportional to the distance, so the ratio does not depend on it
    ratios = [(advection.advance(x) / x)[rows, axes] for x in (near, far)]
    assert np.allclose(*ratios, rtol=1e-9, atol=0) and np.abs(ratios[0] - 1).min() > 1e-3
    for x in (near, corner):
        assert (np.sign(advection.advance(x)) == np.sign(x)).all()


@on_every_grid
def test_threads_do_not_change_a_bit(grid):
    coefs, positions = stages_of(smooth_field(grid), grid, 2, 4), random_positions(grid, 1000)
    results = []
    for threads in (1, 2, 3):
        advection = Advection(grid, coefs, 0.1, RK4, threads)
        end, record = advection.advance_recorded(positions)
        results.append((end, *advection.adjoint(record, end)))
    for other in results[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(results[0], other, strict=True))


@on_every_grid
def test_jacobian_against_central_differences(grid):
    advection = Advection(grid, stages_of(smooth_field(grid), grid, 3, 4), 0.2, RK4)
    positions = random_positions(grid, 20)
    end, jacobian = advection.advance_jacobian(positions)
    assert np.allclose(end, advection.advance(positions), rtol=0, atol=1e-14)
    assert np.allclose(jacobian, jacobians(advection.advance, positions), rtol=1e-5, atol=1e-8)
    assert np.allclose(advection.log_abs_det(positions), np.linalg.slogdet(jacobian)[1], rtol=0, atol=1e-14)


@on_every_grid
@pytest.mark.parametrize("tableau", [RK4, DOP853], ids=lambda t: t.name)
def test_gradient_of_field_and_particles_to_eight_digits(grid, tableau):
    trajectory = Trajectory(equation_of(grid), tableau, 1.0 if grid.dim == 2 else 0.5, 5)
    start, positions = smooth_field(grid), random_positions(grid, 45)
    target = random_positions(grid, 45, seed=9)

    def objective(h, direction, shift):
        return np.sum(np.sin(trajectory.recorded(start + h * direction, positions + h * shift)[1] - target))

    _, end, tape = trajectory.recorded(start, positions)
    gradient, start_bar = trajectory.adjoint(tape, None, np.cos(end - target))
    for seed in range(3):
        direction = smooth_field(grid, seed=30 + seed)
        shift = np.random.default_rng(seed).standard_normal(positions.shape) * 0.01
        exact = np.sum(grid.weights * np.conj(gradient) * direction).real + np.sum(start_bar * shift)
        difference = derivative(partial(objective, direction=direction, shift=shift), 1e-3)
        assert np.isclose(difference, exact, rtol=1e-8, atol=0)


@pytest.mark.parametrize("grid", SPACE, ids=lambda grid: grid.domain)
def test_less_memory_gives_the_same_gradient(grid):
    start, positions = smooth_field(grid), random_positions(grid, 45)

    def kept_and_gradient(memory):
        trajectory = Trajectory(equation_of(grid), RK4, 0.5, 64, memory=memory)
        tracemalloc.start()
        _, end, tape = trajectory.recorded(start, positions)
        kept, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return kept, trajectory.adjoint(tape, None, end)

    most, whole = kept_and_gradient(2**29)
    # of 64 steps, only the states at the start of eight stretches, or of each step, and the stages of the last
    for memory in (most // 4, 1):
        kept, gradient = kept_and_gradient(memory)
        assert kept < most / 3
        for one, other in zip(whole, gradient, strict=True):
            assert np.allclose(one, other, rtol=0, atol=1e-13 * np.abs(one).max())
