"""The tendencies and their adjoints against the naive reference and exact identities, in plane and space."""

import numpy as np
import pytest
import reference_solver_space as reference
from differences import derivative
from fields import noise, random_field

from eulerot.euler import invariants
from eulerot.euler.equations import BoxVorticityEquation, equation_of
from eulerot.euler.equations._kernels import largest_speeds, power_sums
from eulerot.euler.grid import Grid
from eulerot.euler.integrators import DOP853, RK4, RungeKutta
from eulerot.euler.trajectory import Trajectory
from eulerot.euler.transforms.pointwise import SHARED_FROM

GRIDS = [
    Grid((12, 16)),
    Grid((15, 10), lengths=(2 * np.pi, 3 * np.pi), dealiasing="3/2"),
    Grid((9, 12), "cube"),
    Grid((7, 6), "cube", lengths=(1.0, 2.5), dealiasing="3/2"),
    Grid((8, 12, 10)),
    Grid((9, 8, 10), lengths=(1.0, 2.0, 5.0), dealiasing="3/2"),
    Grid((6, 9, 8), "cube"),
    Grid((5, 4, 6), "cube", lengths=(3.0, 1.0, 2.0), dealiasing="3/2"),
]
# So large that everything is cut and shared: products, several slabs of them, from SHARED_FROM points on, loops over
# coefficients from 50,000 on, and sums of stages from 100,000 numbers on
LARGE = [
    Grid((512, 486)),
    Grid((336, 340), "cube", dealiasing="3/2"),
    Grid((64, 72, 80)),
    Grid((56, 60, 58), "cube"),
]


def name(grid):
    return f"{grid.domain}-{'x'.join(map(str, grid.points))}-{grid.dealiasing}"


every_grid = pytest.mark.parametrize("grid", GRIDS, ids=name)
every_large_grid = pytest.mark.parametrize("grid", LARGE, ids=name)


def inner(grid, a, b):
    return float(np.sum(grid.weights * (np.conj(a) * b).real))


def known_to_the_reference(grid, velocity):
    """Return the coefficients of a velocity on the torus: that of its parity extension, and a plane as a thin space."""
    if grid.walls:
        velocity = reference.parity_extension(velocity)
    if grid.dim == 2:
        velocity = np.stack([*velocity, np.zeros_like(velocity[0])])[..., None]
    modes = (*grid.modes, 0)[:3]
    return reference.coefficients(velocity, modes, shift(grid)), (*grid.scales, 1.0)[:3]


def shift(grid):
    """Cell centres of the box are half a cell off the points of the torus, as angles."""
    return [np.pi / (2 * n) if grid.walls else 0.0 for n in grid.points] + [0.0] * (3 - grid.dim)


def field_of_the_reference(grid, velocity, scales):
    """Return the values on the grid of the reference's velocity in space, of its vorticity in the plane."""
    if grid.dim == 2:
        velocity = reference.curl(velocity, scales)[2:]
    points = [2 * n if grid.walls else n for n in grid.points] + [1] * (3 - grid.dim)
    values = reference.grid_values(velocity, points, shift(grid))
    values = values[(slice(None), *(slice(n) for n in grid.points))]
    return values if grid.dim == 3 else values[0, ..., 0]


@every_grid
def test_tendency_is_that_of_the_naive_reference(grid):
    equation = equation_of(grid)
    field = random_field(grid)
    velocity, scales = known_to_the_reference(grid, equation.velocity(field))
    expected = field_of_the_reference(grid, reference.tendency(velocity, scales), scales)
    assert np.abs(equation.synthesised(equation.tendency(field)) - expected).max() < 1e-13 * np.abs(expected).max()


@every_grid
def test_steps_are_those_of_the_naive_reference(grid):
    equation = equation_of(grid)
    field = random_field(grid)
    highest = np.array(grid.modes) * grid.scales
    time = 1.0 / np.einsum("i...,i->...", np.abs(equation.velocity(field)), highest).max()  # about the decay of all
    velocity, scales = known_to_the_reference(grid, equation.velocity(field))
    expected = field_of_the_reference(grid, reference.solve(velocity, time, 4, scales), scales)
    scheme, start = RungeKutta(equation, RK4), equation.synthesised(field)
    for _ in range(4):
        scheme.step(field, time / 4, out=field)
    assert np.abs(equation.synthesised(field) - expected).max() < 1e-13 * np.abs(expected).max()
    assert np.abs(expected - start).max() > 0.05 * np.abs(expected).max()  # the field is unsteady


@pytest.mark.parametrize(
    ("by_truncation", "by_padding"),
    [
        (Grid((16, 22)), Grid((11, 16), dealiasing="3/2")),
        (Grid((9, 12), "cube"), Grid((6, 8), "cube", dealiasing="3/2")),
        (Grid((12, 13, 16)), Grid((7, 10, 12), dealiasing="3/2")),
        (Grid((6, 9, 8), "cube"), Grid((4, 6, 6), "cube", dealiasing="3/2")),
    ],
    ids=lambda grid: name(grid),
)
def test_same_modes_have_the_same_tendency_however_dealiased(by_truncation, by_padding):
    assert by_truncation.modes == by_padding.modes
    one, other = equation_of(by_truncation), equation_of(by_padding)
    field, multiplier = random_field(by_truncation), random_field(by_truncation, 1)
    expected = one.tendency(field)
    assert np.abs(other.tendency(field) - expected).max() < 1e-14 * np.abs(expected).max()
    expected = one.adjoint(field, multiplier)
    assert np.abs(other.adjoint(field, multiplier) - expected).max() < 1e-14 * np.abs(expected).max()


@every_grid
def test_backends_give_the_same_numbers(grid):
    pytest.importorskip("pyfftw")
    fftw, scipy = (equation_of(grid, backend=backend) for backend in ("fftw", "scipy"))
    field, multiplier = (fftw.analysed(noise(grid, seed)) for seed in range(2))
    for one, other in [
        (scipy.analysed(noise(grid)), field),
        (scipy.synthesised(field), fftw.synthesised(field)),
        (scipy.tendency(field), fftw.tendency(field)),
        (scipy.adjoint(field, multiplier), fftw.adjoint(field, multiplier)),
    ]:
        assert np.abs(one - other).max() < 1e-13 * np.abs(other).max()


@pytest.mark.parametrize("shape", [(8, 9), (25, 12), (49, 54), (200, 20)])
def test_whole_steps_are_those_of_fast_transforms(shape):
    grid = Grid(shape, "cube", lengths=(1.0, 2.0))
    matrices, transforms = equation_of(grid), equation_of(grid, backend="scipy")
    assert isinstance(matrices, BoxVorticityEquation)
    assert not isinstance(transforms, BoxVorticityEquation)
    field, multiplier, sources = (
        np.stack([random_field(grid, seed + i) for i in range(count)]) for seed, count in ((0, 1), (1, 1), (2, 4))
    )
    results = []
    for equation in (matrices, transforms):
        scheme, after, back = RungeKutta(equation, RK4), np.empty((2, *grid.shape_hat)), multiplier[[0, 0]]
        stages, slope = np.empty((4, *grid.shape_hat)), equation.tendency(field[0])
        scheme.step(field[0], 0.01, after[0], stages, first=slope)
        scheme.step(field[0], 0.01, after[1])
        scheme.adjoint_step(stages, back[0], 0.01, sources)
        scheme.adjoint_step(stages, back[1], 0.01, None)
        results.append((after, stages, back))
    for one, other in zip(*results, strict=True):
        assert np.abs(one - other).max() < 1e-14 * np.abs(other).max()
    (after, _, back), _ = results
    assert np.array_equal(after[0], after[1])
    assert np.abs(back[0] - back[1]).max() > 0.1 * np.abs(sources).max()


@pytest.mark.parametrize("backend", ["fftw", pytest.param("scipy", marks=pytest.mark.slow)])
@every_large_grid
def test_threads_give_the_same_bits(grid, backend):
    if backend == "fftw":
        pytest.importorskip("pyfftw")
    assert np.prod(grid.product_points) >= SHARED_FROM
    field, multiplier = random_field(grid), random_field(grid, 1)
    results = []
    for threads in (1, 2, 3):
        equation = equation_of(grid, threads=threads, backend=backend)
        after, stages = equation.zeros(), equation.zeros(RK4.stages)
        scheme, back = RungeKutta(equation, RK4), multiplier.copy()
        scheme.step(field, 1e-4, after, stages)
        scheme.adjoint_step(stages, back, 1e-4, None)
        results.append((after, back, equation.adjoint(field, multiplier), equation.projected(multiplier)))
    for others in results[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(results[0], others, strict=True))
    assert np.abs(results[0][3] - multiplier).max() < 1e-14 * np.abs(multiplier).max()


@every_large_grid
def test_a_large_grid_has_the_tendency_of_a_small_one(grid):
    # a Galerkin truncation: the tendency of few modes by these few does not depend on how many others there might be
    small = Grid((10, 12, 9)[: grid.dim], grid.domain)
    few = [
        [kept.tolist().index(k) for k in modes] for kept, modes in zip(grid.axis_modes, small.axis_modes, strict=True)
    ]
    here = (..., *np.ix_(*few))
    one, other = equation_of(grid, threads=2), equation_of(small)
    field, multiplier = random_field(small), random_field(small, 1)
    embedded, embedded_multiplier = one.zeros(), one.zeros()
    embedded[here], embedded_multiplier[here] = field, multiplier
    for found, expected in [
        (one.tendency(embedded), other.tendency(field)),
        (one.adjoint(embedded, embedded_multiplier), other.adjoint(field, multiplier)),
    ]:
        assert np.abs(found[here] - expected).max() < 1e-13 * np.abs(expected).max()


@every_grid
def test_tendency_is_orthogonal_to_what_it_conserves(grid):
    # the energy, and the enstrophy of a plane or the helicity of a torus: all that a truncation keeps
    equation = equation_of(grid)
    field = random_field(grid)
    tendency = equation.tendency(field)
    gradients = [equation.carrier(field)]  # the derivative of the energy: the stream function, or the velocity
    if grid.dim == 2:
        gradients.append(field)
    elif not grid.walls:
        k, (u, v, w) = grid.wavenumbers, field
        gradients.append(1j * np.stack([k[1] * w - k[2] * v, k[2] * u - k[0] * w, k[0] * v - k[1] * u]))
    for gradient in gradients:
        size = np.sqrt(inner(grid, tendency, tendency) * inner(grid, gradient, gradient))
        assert abs(inner(grid, gradient, tendency)) < 2e-15 * size


@every_grid
def test_adjoint_of_the_tendency(grid):
    equation = equation_of(grid)
    field, direction, multiplier = (random_field(grid, seed) for seed in range(3))
    # the tendency is quadratic, so that a central difference with any step is its exact derivative
    derivative = (equation.tendency(field + direction) - equation.tendency(field - direction)) / 2
    left, right = inner(grid, multiplier, derivative), inner(grid, equation.adjoint(field, multiplier), direction)
    assert np.isclose(left, right, rtol=1e-12)


@pytest.mark.parametrize("tableau", [RK4, DOP853], ids=lambda tableau: tableau.name)
@every_grid
def test_adjoint_of_a_trajectory_against_central_differences(grid, tableau):
    equation = equation_of(grid)
    field, direction, multiplier = (0.1 * random_field(grid, seed) for seed in range(3))
    none = np.zeros((0, grid.dim))
    for memory in (2**29, 1):  # everything kept, and stretches computed again
        trajectory = Trajectory(equation, tableau, time=1.0 / np.max(grid.scales), steps=12, memory=memory)

        def objective(h, trajectory=trajectory):
            return inner(grid, multiplier, trajectory.recorded(field + h * direction, none)[0])

        bar, _ = trajectory.adjoint(trajectory.recorded(field, none)[2], multiplier, none)
        # the step leaves an error of 1e-12 and round-off of 1e-13
        assert np.isclose(inner(grid, bar, direction), derivative(objective, 2e-3), rtol=1e-8)


@every_grid
def test_spectrum_sums_to_the_energy(grid):
    equation = equation_of(grid)
    field = random_field(grid)
    wavenumbers, shells = invariants.spectrum(field, grid)
    velocity = equation.velocity(field)
    energy = invariants.energy(field, grid)
    assert np.isclose(shells.sum(), energy, rtol=1e-14)
    assert len(wavenumbers) == len(shells) and np.isclose(wavenumbers[1], min(grid.scales))
    assert np.isclose(energy, 0.5 * np.mean(np.sum(velocity**2, axis=0)), rtol=1e-13)


@every_grid
def test_invariants_are_means_over_the_grid(grid):
    # the points resolve squares, so that means over them are exact
    equation = equation_of(grid)
    field = random_field(grid)
    vorticity = equation.synthesised(field) if grid.dim == 2 else equation.vorticity(field)
    assert np.isclose(invariants.enstrophy(field, grid), 0.5 * np.sum(vorticity**2) / np.prod(grid.points), rtol=1e-13)
    squares = grid.weights * grid.laplacian ** (grid.dim - 2) * np.abs(field) ** 2  # of vorticity, by mode
    assert np.isclose(invariants.palinstrophy(field, grid), 0.5 * np.sum(grid.laplacian * squares), rtol=1e-13)
    outer = sum(np.abs(k) > 0.9 * most for k, most in zip(grid.wavenumbers, grid.modes * grid.scales, strict=True)) > 0
    assert np.isclose(invariants.tail(field, grid), np.sum(outer * squares) / np.sum(squares), rtol=1e-13)
    assert 0.05 < invariants.tail(field, grid) < 0.9
    if grid.dim == 3 and not grid.walls:
        expected = np.sum(vorticity * equation.velocity(field)) / np.prod(grid.points)
        size = np.sqrt(invariants.enstrophy(field, grid) * invariants.energy(field, grid))
        assert abs(invariants.helicity(field, grid) - expected) < 1e-13 * size


@every_grid
def test_the_fastest_flow_is_that_of_the_grid_points(grid):
    equation, weights = equation_of(grid), np.arange(1.0, 1.0 + grid.dim)
    field = random_field(grid)
    speeds = np.tensordot(weights, np.abs(equation.velocity(field)), 1)
    assert np.isclose(equation.fastest(field, weights), speeds.max(), rtol=1e-14)
    field[..., 1, 1] = np.nan
    assert np.isnan(equation.fastest(field, weights))


def test_largest_speeds_and_sums_of_powers_row_by_row():
    values, weights = np.random.default_rng(3).standard_normal((2, 7, 53)), np.array([1.5, 0.25])
    largest, powers = np.full((5, 1), -1.0), np.full((5, 2), -1.0)  # the last slab may have fewer rows than room
    largest_speeds(values, weights, largest)
    assert np.allclose(largest[:, 0], (1.5 * np.abs(values[0]) + 0.25 * np.abs(values[1])).max(axis=1)[:5], rtol=1e-15)
    power_sums(values, powers)
    assert np.allclose(powers, np.stack([(values[0] ** n).sum(axis=1)[:5] for n in (3, 4)], axis=1), rtol=1e-13)
    values[1, 2, 4] = np.nan  # is not lost among those that come after
    largest_speeds(values, weights, largest)
    assert np.isnan(largest[2, 0]) and np.isfinite(np.delete(largest, 2)).all()
