"""Particles in the plane and in space: the interpolant, its transpose, and gradients against central differences."""

import math
import tracemalloc
from functools import partial

import numpy as np
import pytest
from differences import derivative, jacobians
from fields import random_field
from scipy.interpolate import BSpline

from eulerot.euler.equations import equation_of
from eulerot.euler.grid import Grid
from eulerot.euler.integrators import DOP853, RK4, Tableau
from eulerot.euler.particles._kernels_splines import spline_polynomials
from eulerot.euler.particles.advection import Advection
from eulerot.euler.particles.interpolant import interpolant, interpolant_transposed, interpolated_points
from eulerot.euler.particles.phases import to_phases, to_positions
from eulerot.euler.particles.schemes import runge_kutta
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


def stages_of(field, *counts):
    """The same carrier for every step and every stage."""
    return np.tile(field, (*counts, *(1,) * field.ndim))


EULER = Tableau("Euler", np.zeros((1, 1)), np.ones(1), 1, 0.0)


def carried(grid, stages, dt, tableau, threads=1):
    """The advection by fields at Runge-Kutta stages, shape (steps, stages, ...)."""
    steps = runge_kutta(tableau, len(stages), dt)
    return Advection(grid, stages.reshape(-1, *stages.shape[2:]), steps, threads)


def velocity(field, grid, phases):
    """The velocity at particles: a step of one, by the scheme of Euler."""
    return carried(grid, stages_of(field, 1, 1), 1.0, EULER).advance(phases) - phases


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


def factors(grid, angles):
    """The factor of each axis and its derivative: sine and cosine in the box, one and zero on the torus."""
    ones = np.ones_like(angles)
    return (np.sin(angles), np.cos(angles)) if grid.walls else (ones, 0 * ones)


def spline_sum(coefficients, axes, grid, angles, by):
    """The interpolant by its definition, SciPy's splines along some axes, or its derivative by one of them."""
    spline = BSpline.basis_element(np.arange(9.0) - 4)
    coefficients = coefficients[None].repeat(len(angles), 0)
    for axis in axes:
        points, order = coefficients.shape[1], int(axis == by)
        spacing = (np.pi if grid.walls else 2 * np.pi) / (points - 7)
        offsets = angles[:, axis, None] / spacing - (np.arange(points) - 3)
        weights = np.where(np.abs(offsets) < 4, spline.derivative(order)(offsets), 0.0) / spacing**order
        coefficients = np.einsum("np,np...->n...", weights, coefficients)
    return coefficients


def spline_velocity(field, grid, phases):
    """The velocity by the definition of the interpolant: the curl of products of factors and splines."""
    coefficients, drift = interpolant(field, grid)
    angles = to_positions(phases, grid) * grid.scales % (np.pi + 1 if grid.walls else 2 * np.pi)
    s, c = factors(grid, angles)

    def slope(component, axes, factored, by):
        others = np.prod([s[:, axis] for axis in factored if axis != by], axis=0)
        f, f_by = (spline_sum(component, axes, grid, angles, each) for each in (None, by))
        return others * (c[:, by] * f + s[:, by] * f_by if by in factored else f_by)

    if grid.dim == 2:
        return np.stack([slope(coefficients, (0, 1), (0, 1), 1), -slope(coefficients, (0, 1), (0, 1), 0)], axis=1)
    m, n, o = interpolated_points(grid)
    a, b, c_of_plane = np.split(coefficients.ravel(), [m * n * o, 2 * m * n * o])
    a_x = partial(slope, a.reshape(n, m, o).swapaxes(0, 1), (0, 1, 2), (1, 2))
    a_y = partial(slope, b.reshape(m, n, o), (0, 1, 2), (0, 2))
    a_z = partial(slope, c_of_plane.reshape(m, n), (0, 1), (0, 1))
    return drift + np.stack([a_z(1) - a_y(2), a_x(2) - a_z(0), a_y(0) - a_x(1)], axis=1)


@on_every_grid
def test_velocity_is_that_of_the_interpolant(grid):
    field, phases = smooth_field(grid), random_positions(grid, 37)
    assert np.allclose(velocity(field, grid, phases), spline_velocity(field, grid, phases), rtol=0, atol=1e-12)


@on_every_grid
def test_velocity_is_the_series_but_for_the_aliases_of_its_waves(grid):
    phases = random_positions(grid, 60)
    periods = [(points - 7) * (2 if grid.walls else 1) for points in interpolated_points(grid)]
    for highest in (1, 2, max(grid.modes)):
        inside = np.maximum.reduce(np.broadcast_arrays(*np.ix_(*map(np.abs, grid.axis_modes)))) <= highest
        field = smooth_field(grid) * inside
        expected = direct_velocity(field, grid, phases)
        share = max(min(highest, k) / (n - min(highest, k)) for k, n in zip(grid.modes, periods, strict=True))
        error = np.abs(velocity(field, grid, phases) / grid.scales - expected).max() / np.abs(expected).max()
        assert error < 8 * share**7 + 1e-14


@pytest.mark.parametrize(("modes", "bound"), [(16, 1e-5), (64, 1e-4)])
def test_a_resolved_velocity_has_hardly_an_error(modes, bound):
    grid = Grid.from_modes(modes)
    phases, rough, smooth = random_positions(grid, 40), random_field(grid), random_field(grid, decay=4.0)
    errors = []
    for field in (rough, smooth):
        expected = direct_velocity(field, grid, phases)
        errors.append(np.abs(velocity(field, grid, phases) - expected).max() / np.abs(expected).max())
    assert errors[0] < bound and errors[1] < 1e-2 * bound


def test_splines_are_those_of_scipy():
    places = np.linspace(0, 1, 11)
    powers = places[:, None] ** np.arange(8)
    for order in (2, 5, 8):
        polynomials = np.array(spline_polynomials(order), dtype=float)
        starts = order - 1 - np.arange(order)
        expected = BSpline.basis_element(np.arange(order + 1.0), extrapolate=False)(places[:-1, None] + starts)
        assert np.allclose(powers[:-1, :order] @ polynomials, np.nan_to_num(expected), rtol=0, atol=1e-14)


@on_every_grid
def test_interpolant_transposed_is_the_transpose(grid):
    fields = np.stack([smooth_field(grid, seed) for seed in range(2)])
    parts, rng = interpolant(fields, grid), np.random.default_rng(3)
    bars = [rng.standard_normal(part.shape) for part in parts]
    represented = interpolant_transposed(*bars, grid)
    assert represented.shape == fields.shape
    inner = np.sum(grid.weights * np.conj(represented) * fields).real
    assert np.isclose(inner, sum(np.sum(a * b) for a, b in zip(bars, parts, strict=True)), rtol=1e-11)


@on_every_grid
def test_what_is_not_a_number_stays_so_and_does_no_harm(grid):
    phases = random_positions(grid, 200)
    phases[[3, 150]] = np.nan
    moved = velocity(smooth_field(grid), grid, phases)
    assert np.isnan(moved[[3, 150]]).all() and np.isfinite(np.delete(moved, [3, 150], axis=0)).all()


@pytest.mark.parametrize("grid", [Grid.from_modes(8), SPACE[1]], ids=["plane", "space"])
def test_positions_near_both_walls_keep_their_digits(grid):
    advection = carried(grid, stages_of(smooth_field(grid), 4, 4), 0.1, RK4)
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
    coefs, positions = stages_of(smooth_field(grid), 2, 4), random_positions(grid, 1000)
    results = []
    for threads in (1, 2, 3):
        advection = carried(grid, coefs, 0.1, RK4, threads)
        end, record = advection.advance_recorded(positions)
        results.append((end, *advection.adjoint(record, end)))
    for other in results[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(results[0], other, strict=True))


@on_every_grid
def test_jacobian_against_central_differences(grid):
    advection = carried(grid, stages_of(smooth_field(grid), 3, 4), 0.2, RK4)
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
        trajectory = Trajectory(equation_of(grid), RK4, 0.5, 16, memory=memory)
        tracemalloc.start()
        _, end, tape = trajectory.recorded(start, positions)
        kept, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return kept, trajectory.adjoint(tape, None, end)

    most, whole = kept_and_gradient(2**29)
    # of 16 steps, only the states at the start of a few stretches, or of each step, and the stages of the last
    for memory in (most // 4, 1):
        kept, gradient = kept_and_gradient(memory)
        assert kept < most / 3
        for one, other in zip(whole, gradient, strict=True):
            assert np.allclose(one, other, rtol=0, atol=1e-13 * np.abs(one).max())


def test_a_field_computed_ahead_and_one_taken_back_later_are_the_same():
    grid = SPACE[0]
    trajectory, start, positions = (
        Trajectory(equation_of(grid), RK4, 0.5, 6),
        smooth_field(grid),
        random_positions(grid, 45),
    )
    field, end, tape = trajectory.recorded(start, positions)
    ahead = trajectory.ahead(start, len(positions))
    other_field, other_end, other_tape = trajectory.recorded(start, positions, ahead)
    assert np.array_equal(field, other_field) and np.array_equal(end, other_end)
    by_field, by_positions = trajectory.adjoint(tape, None, end)
    later, other_by_positions = trajectory.pulled(other_tape, None, end)
    assert np.array_equal(by_positions, other_by_positions) and np.array_equal(by_field, later())
    assert Trajectory(equation_of(grid), RK4, 0.5, 6, memory=1).ahead(start, len(positions)) is None
