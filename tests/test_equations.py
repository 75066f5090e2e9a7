"""The tendencies and their adjoints against the naive reference and exact identities, in plane and space."""

import numpy as np
import pytest
import reference_solver_space as reference

from eulerot.euler import integrators, invariants
from eulerot.euler.equations import equation_of, spectral
from eulerot.euler.grid import Grid
from eulerot.euler.integrators import DOP853, RK4, RungeKutta
from eulerot.euler.trajectory import Trajectory
from eulerot.euler.transforms import pointwise

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


def name(grid):
    return f"{grid.domain}-{'x'.join(map(str, grid.points))}-{grid.dealiasing}"


every_grid = pytest.mark.parametrize("grid", GRIDS, ids=name)


def random_field(equation, seed=0):
    """A random field of all kept modes, none of them small."""
    components = () if equation.grid.dim == 2 else (3,)
    return equation.analysed(np.random.default_rng(seed).standard_normal((*components, *equation.grid.points)))


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
    field = random_field(equation)
    velocity, scales = known_to_the_reference(grid, equation.velocity(field))
    expected = field_of_the_reference(grid, reference.tendency(velocity, scales), scales)
    assert np.abs(equation.synthesised(equation.tendency(field)) - expected).max() < 1e-13 * np.abs(expected).max()


@every_grid
def test_runs_are_those_of_the_naive_reference(grid):
    equation = equation_of(grid)
    field = random_field(equation)
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
    field, multiplier = random_field(one), random_field(one, 1)
    expected = one.tendency(field)
    assert np.abs(other.tendency(field) - expected).max() < 1e-14 * np.abs(expected).max()
    expected = one.adjoint(field, multiplier)
    assert np.abs(other.adjoint(field, multiplier) - expected).max() < 1e-14 * np.abs(expected).max()


@every_grid
def test_backends_give_the_same_numbers(grid):
    pytest.importorskip("pyfftw")
    fftw, scipy = (equation_of(grid, backend=backend) for backend in ("fftw", "scipy"))
    field, multiplier = random_field(fftw), random_field(fftw, 1)
    for one, other in [
        (random_field(scipy), field),
        (scipy.synthesised(field), fftw.synthesised(field)),
        (scipy.tendency(field), fftw.tendency(field)),
        (scipy.adjoint(field, multiplier), fftw.adjoint(field, multiplier)),
    ]:
        assert np.abs(one - other).max() < 1e-13 * np.abs(other).max()


@pytest.mark.parametrize("backend", ["fftw", "scipy"])
@pytest.mark.parametrize(
    "grid",
    [Grid((40, 36)), Grid((27, 30), "cube", dealiasing="3/2"), Grid((16, 18, 20)), Grid((13, 12, 9), "cube")],
    ids=name,
)
def test_threads_give_the_same_bits(grid, backend, monkeypatch):
    if backend == "fftw":
        pytest.importorskip("pyfftw")
    whole = equation_of(grid, backend=backend)
    field, multiplier = random_field(whole), random_field(whole, 1)
    # grids as small as these are split only if slabs, pieces and vectors are smaller than they are
    row = 8 * int(np.prod(grid.product_points[1:]))
    monkeypatch.setattr(pointwise, "SLAB_BYTES", 7 * 5 * row)
    monkeypatch.setattr(pointwise, "SHARED_FROM", 1)
    monkeypatch.setattr(spectral, "_SHARED_FROM", 10)
    monkeypatch.setattr(integrators, "_SHARED_FROM", 10)
    results = []
    for threads in (1, 2, 3):
        equation = equation_of(grid, threads=threads, backend=backend)
        assert len(equation._products._starts) > 3 and len(equation._products._work.value.slabs) == threads
        assert len(equation._edges) == (2 if threads == 1 else 5)
        after, stages = equation.zeros(), equation.zeros(RK4.stages)
        scheme, back = RungeKutta(equation, RK4), multiplier.copy()
        scheme.step(field, 0.01, after, stages)
        scheme.adjoint_step(stages, back, 0.01, None)
        results.append((after, back, equation.adjoint(field, multiplier), equation.projected(multiplier)))
    for others in results[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(results[0], others, strict=True))
    for split, unsplit in ((results[0][2], whole.adjoint(field, multiplier)), (results[0][3], multiplier)):
        assert np.abs(split - unsplit).max() < 1e-14 * np.abs(unsplit).max()


@every_grid
def test_tendency_is_orthogonal_to_what_it_conserves(grid):
    # the energy, and the enstrophy of a plane or the helicity of a torus: all that a truncation keeps
    equation = equation_of(grid)
    field = random_field(equation)
    tendency = equation.tendency(field)
    conserved = [equation.carrier(field)]  # the derivative of the energy: the stream function, or the velocity
    if grid.dim == 2:
        conserved.append(field)
    elif not grid.walls:
        k, (u, v, w) = grid.wavenumbers, field
        conserved.append(1j * np.stack([k[1] * w - k[2] * v, k[2] * u - k[0] * w, k[0] * v - k[1] * u]))
    for derivative in conserved:
        size = np.sqrt(inner(grid, tendency, tendency) * inner(grid, derivative, derivative))
        assert abs(inner(grid, derivative, tendency)) < 2e-15 * size


@every_grid
def test_adjoint_of_the_tendency(grid):
    equation = equation_of(grid)
    field, direction, multiplier = (random_field(equation, seed) for seed in range(3))
    # the tendency is quadratic, so that a central difference with any step is its exact derivative
    derivative = (equation.tendency(field + direction) - equation.tendency(field - direction)) / 2
    left, right = inner(grid, multiplier, derivative), inner(grid, equation.adjoint(field, multiplier), direction)
    assert np.isclose(left, right, rtol=1e-12)


@pytest.mark.parametrize("tableau", [RK4, DOP853], ids=lambda tableau: tableau.name)
@every_grid
def test_adjoint_of_a_run_against_central_differences(grid, tableau):
    equation = equation_of(grid)
    field, direction, multiplier = (0.1 * random_field(equation, seed) for seed in range(3))
    none = np.zeros((0, grid.dim))
    for memory in (2**29, 1):  # everything kept, and stretches computed again
        run = Trajectory(equation, tableau, time=1.0 / np.max(grid.scales), steps=12, memory=memory)
        bar, _ = run.adjoint(run.recorded(field, none)[2], multiplier, none)
        # a fourth-order difference: its step leaves an error of 1e-12 and round-off of 1e-13
        fields = [run.recorded(field + h * direction, none)[0] for h in (2e-3, 1e-3, -1e-3, -2e-3)]
        ends = [inner(grid, multiplier, end) for end in fields]
        difference = (-ends[0] + 8 * ends[1] - 8 * ends[2] + ends[3]) / 12e-3
        assert np.isclose(inner(grid, bar, direction), difference, rtol=1e-8)


@every_grid
def test_spectrum_sums_to_the_energy(grid):
    equation = equation_of(grid)
    field = random_field(equation)
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
    field = random_field(equation)
    vorticity = equation.synthesised(field) if grid.dim == 2 else equation.vorticity(field)
    assert np.isclose(invariants.enstrophy(field, grid), 0.5 * np.sum(vorticity**2) / np.prod(grid.points), rtol=1e-13)
    if grid.dim == 3 and not grid.walls:
        expected = np.sum(vorticity * equation.velocity(field)) / np.prod(grid.points)
        size = np.sqrt(invariants.enstrophy(field, grid) * invariants.energy(field, grid))
        assert abs(invariants.helicity(field, grid) - expected) < 1e-13 * size
