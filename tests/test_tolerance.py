"""Steps that follow from a tolerance: the pair of schemes, errors that fall with it, times that are hit."""

import importlib.util

import numpy as np
import pytest
from fields import random_field, random_values, random_velocity
from scipy import integrate

from eulerot.errors import ResolutionError
from eulerot.euler import invariants
from eulerot.euler.adaptive import adaptive_steps
from eulerot.euler.equations import equation_of
from eulerot.euler.grid import Grid
from eulerot.euler.integrators import DOP853, DOPRI5, EmbeddedRungeKutta
from eulerot.euler.solver import solve_euler

CASES = [((24, 20), "torus"), ((24, 20), "cube"), ((12, 10, 14), "torus"), ((12, 10, 14), "cube")]


def start_of(points, domain):
    """Return a grid, a field and particles on it."""
    grid = Grid(points, domain)
    field = random_values(grid) if grid.dim == 2 else random_velocity(grid)
    return grid, field, np.random.default_rng(1).uniform(0.1, 0.9, (5, grid.dim)) * grid.sides


def naive(equation, field, dt, tableau):
    """Return the field after a step, and all slopes, by the definition of a Runge-Kutta scheme."""
    slopes = []
    for weights in tableau.a:
        slopes.append(equation.tendency(field + dt * sum((w * s for w, s in zip(weights, slopes, strict=False)), 0.0)))
    return field + dt * sum(w * s for w, s in zip(tableau.b, slopes, strict=True)), slopes


def test_coefficients_are_those_of_scipy():
    assert np.array_equal(DOP853.a, integrate.DOP853.A) and np.array_equal(DOP853.b, integrate.DOP853.B)
    assert np.array_equal(DOPRI5.tableau.a, np.pad(integrate.RK45.A, ((0, 0), (0, 1))))
    assert np.array_equal(DOPRI5.tableau.b, integrate.RK45.B) and np.array_equal(DOPRI5.error, integrate.RK45.E)


def test_the_pair_has_the_orders_that_it_says():
    # order conditions up to four of both: sums of b c^k, and the two that hold inner sums
    for tableau, order in ((DOPRI5.tableau, 5), (DOPRI5.lower, 4)):
        c = tableau.a.sum(axis=1)
        assert tableau.order == order and np.allclose(tableau.a, np.tril(tableau.a, -1))
        for power in range(order):
            assert abs(tableau.b @ c**power - 1 / (power + 1)) < 1e-14
        assert abs(tableau.b @ tableau.a @ c - 1 / 6) < 1e-14 and abs(tableau.b @ tableau.a @ c**2 - 1 / 12) < 1e-14
        assert abs((tableau.b * c) @ tableau.a @ c - 1 / 8) < 1e-14
    # its limit of stability on the imaginary axis
    powers = [1.0, *(DOPRI5.tableau.b @ np.linalg.matrix_power(DOPRI5.tableau.a, k).sum(axis=1) for k in range(6))]
    at = np.linspace(0.01, DOPRI5.tableau.stability, 100)
    assert np.all(np.abs(np.polyval(powers[::-1], 1j * at)) < 1) and abs(np.polyval(powers[::-1], 1.01j)) > 1


@pytest.mark.parametrize(("points", "domain"), CASES)
def test_an_attempt_is_that_of_the_definition(points, domain):
    grid = Grid(points, domain)
    equation, field, out = equation_of(grid), random_field(grid, decay=3.0), equation_of(grid).zeros()
    scheme, stages = EmbeddedRungeKutta(equation, DOPRI5, field), equation.zeros(7)
    for dt in (0.4, 0.1):  # the first is tried and not accepted
        difference = scheme.attempt(field, dt, out, stages)
        higher, _ = naive(equation, field, dt, DOPRI5.tableau)
        lower, _ = naive(equation, field, dt, DOPRI5.lower)
        scale = np.abs(field).max()
        assert np.abs(out - higher).max() < 1e-13 * scale and np.array_equal(stages[-1], out)
        assert np.abs(difference - (higher - lower)).max() < 1e-13 * scale
    scheme.accept()
    second = equation.zeros()
    scheme.attempt(out, 0.1, second)
    assert np.abs(second - naive(equation, out, 0.1, DOPRI5.tableau)[0]).max() < 1e-13 * scale


@pytest.mark.parametrize(("points", "domain"), CASES)
def test_errors_are_proportional_to_the_tolerance(points, domain):
    grid, field, particles = start_of(points, domain)
    options = {"time": 2.0 if grid.dim == 2 else 0.5, "particles": particles if grid.dim == 2 else None}
    exact = solve_euler(field, grid, tolerance=1e-13, tail_limit=None, **options)
    tolerances, errors, counts = np.array([1e-6, 1e-8, 1e-10]), [], []
    for tolerance in tolerances:
        solution = solve_euler(field, grid, tolerance=tolerance, tail_limit=None, **options)
        error = [np.sqrt(invariants.enstrophy(solution.field_hat - exact.field_hat, grid) / exact.enstrophy[0])]
        if grid.dim == 2:
            error.append(np.abs((solution.positions - exact.positions) * grid.scales).max())
        errors.append(error)
        counts.append(len(solution.times) - 1)
    slopes = np.polyfit(np.log(tolerances), np.log(errors), 1)[0]
    assert np.all(np.abs(slopes - 1.0) < 0.2)
    assert np.all(np.array(errors) < 10 * np.array(counts)[:, None] * tolerances[:, None])  # a sum of those of steps
    assert abs(np.log(counts[2] / counts[1]) / np.log(100) - 0.2) < 0.04  # steps as its fifth root


def test_a_steady_field_and_the_particles_in_it():
    grid = Grid((12, 12), "cube")
    x, y = grid.mesh()
    still = 2 * np.sin(x) * np.sin(y)
    alone = solve_euler(still, grid, time=50.0, tolerance=1e-8)
    steps = len(alone.times) - 1  # as long as rounding does not grow beyond the tolerance, and no shorter
    assert np.abs(alone.field - still).max() < 10 * steps * 1e-8
    assert steps < 0.6 * len(solve_euler(still, grid, time=50.0).times)
    assert solve_euler(0 * still, grid, time=1.0, tolerance=1e-8).times.tolist() == [0.0, 1.0]
    start, errors = np.array([[0.7, 1.2], [2.0, 2.5]]), []
    exact = solve_euler(still, grid, time=5.0, steps=1000, particles=start).positions
    for tolerance in (1e-4, 1e-6, 1e-8):
        solution = solve_euler(still, grid, time=5.0, tolerance=tolerance, particles=start)
        errors.append(np.abs(solution.positions - exact).max())
    assert np.all(np.abs(np.log10(np.array(errors[:-1]) / errors[1:]) - 2.0) < 0.5)


@pytest.mark.parametrize(("points", "domain", "sign"), [(*CASES[0], -1), *((*case, 1) for case in CASES)])
def test_times_are_hit_and_runs_go_on_in_the_same_bits(points, domain, sign, tmp_path):
    grid, field, particles = start_of(points, domain)
    times = [sign * each for each in (0.0, 0.02, 0.1, 0.2)]
    options = {"tolerance": 1e-5, "tail_limit": None}
    whole = solve_euler(field, grid, time=times[-1], save_at=times, particles=particles, **options)
    assert whole.saved.times.tolist() == times and whole.times[whole.saved.indices].tolist() == times
    assert np.all(np.diff(sign * whole.times) > 0)
    first = solve_euler(field, grid, time=times[2], save_at=times[:3], particles=particles, **options)
    rest = solve_euler(first, grid, time=times[-1], save_at=times, threads=2, **options)
    for name in ("field", "field_hat", "positions", "times", "energy"):
        assert np.array_equal(getattr(rest, name), getattr(whole, name))
    if sign == 1 and importlib.util.find_spec("zarr"):
        stored = solve_euler(
            field, grid, time=0.1, save_at=times[:3], particles=particles, store=tmp_path / "a", **options
        )
        again = solve_euler(stored.store, grid, time=0.2, save_at=times, store=stored.store, **options)
        assert np.array_equal(again.positions, whole.positions) and np.array_equal(again.times, whole.times)
        assert np.array_equal(again.saved.fields[:], whole.saved.fields)


def test_both_evaluations_take_the_particles_alike():
    pytest.importorskip("finufft")
    grid, field, particles = start_of((24, 20), "cube")
    options = {"time": 0.5, "tolerance": 1e-7, "particles": particles}
    one, other = (solve_euler(field, grid, evaluation=each, **options) for each in ("splines", "nufft"))
    assert np.abs(one.positions - other.positions).max() < 1e-6


def test_with_a_tolerance_nothing_else_sets_the_steps(capsys):
    grid, field, _ = start_of((24, 20), "torus")
    for options in ({"steps": 5}, {"courant": 0.5}):
        (name,) = options
        with pytest.raises(ValueError, match=rf"^tolerance: expected no {name} beside it.*Leave one of them out"):
            solve_euler(field, grid, time=1.0, tolerance=1e-6, **options)
    for tolerance in (0.0, -1e-6, 1.0, np.nan, "1e-6"):
        with pytest.raises(ValueError, match=r"^tolerance: expected a number in \(0, 1\), or None"):
            solve_euler(field, grid, time=1.0, tolerance=tolerance)
    with pytest.raises(ResolutionError, match=r"^tolerance: expected one that steps of 1e-09 .* Raise tolerance"):
        equation = equation_of(grid)
        room, never = equation.zeros(1, 7), lambda stages, dt: 1.0
        list(adaptive_steps(equation, equation.analysed(field), 1.0, DOPRI5, 1e-6, stages=room, misfit=never))
    solve_euler(field, grid, time=0.1, tolerance=1e-6, progress=True)
    assert "solving" in capsys.readouterr().err
