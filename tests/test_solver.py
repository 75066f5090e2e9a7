"""The Euler solver against exact values, exact identities, its order, and a naive reference."""

import itertools

import numpy as np
import pytest
import reference_solver
from fields import random_values

from eulerot.errors import ResolutionError
from eulerot.euler.equations import VorticityEquation
from eulerot.euler.geodesic import Geodesic
from eulerot.euler.grid import Grid
from eulerot.euler.integrators import DOP853, RK4
from eulerot.euler.invariants import energy, enstrophy, palinstrophy
from eulerot.euler.solver import solve_euler


def four_modes(grid):
    x, y = grid.mesh()
    return np.cos(x) + np.cos(y) + 0.6 * np.cos(2 * x) + 0.2 * np.cos(3 * x)


def test_four_mode_flow_keeps_energy_and_enstrophy():
    # E = 1/2 sum |omega_k|^2 / |k|^2 = 1/4 (1 + 1 + 0.36/4 + 0.04/9) and Z = 1/4 (1 + 1 + 0.36 + 0.04)
    grid = Grid((256, 256))
    solution = solve_euler(four_modes(grid), grid, time=0.25, steps=50)
    assert np.isclose(solution.energy[0], 0.5236111111111111, rtol=1e-14)
    assert np.isclose(solution.enstrophy[0], 0.6, rtol=1e-14)
    assert np.abs(solution.energy / solution.energy[0] - 1).max() < 1e-13
    assert np.abs(solution.enstrophy / solution.enstrophy[0] - 1).max() < 1e-12
    assert solution.status == "completed" and np.isclose(solution.times[-1], 0.25)
    fields = [solve_euler(four_modes(grid), grid, time=0.25, steps=steps).field for steps in (25, 50, 100)]
    assert np.array_equal(fields[1], solution.field)
    coarse, error = (np.abs(one - other).max() / np.abs(fields[2]).max() for one, other in itertools.pairwise(fields))
    # against a quarter of the step, 4e-11 was computed, see validation/; and halving the step divides by 16
    assert error < 4e-11 and abs(np.log2(coarse / error) - 4) < 0.3


@pytest.mark.parametrize("domain", ["torus", "cube"])
def test_steady_flow_stays(domain):
    grid = Grid((24, 24), domain)
    x, y = grid.mesh()
    steady = np.sin(x) * np.sin(y) if grid.walls else np.cos(x) * np.cos(y)
    assert np.allclose(solve_euler(steady, grid, time=1.0, steps=20).field, steady, rtol=0, atol=1e-14)


def test_invariants_of_two_sine_modes():
    # psi = sin x sin y + 2 sin 2x sin y: |k|^2 = 2 and 5, mean of sin^2 sin^2 is 1/4
    grid = Grid((16, 16), "cube")
    x, y = grid.mesh()
    omega = VorticityEquation(grid).transforms.forward(2 * np.sin(x) * np.sin(y) + 10 * np.sin(2 * x) * np.sin(y))
    assert np.isclose(energy(omega, grid), 0.5 * 0.25 * (2 * 1 + 5 * 4))
    assert np.isclose(enstrophy(omega, grid), 0.5 * 0.25 * (4 * 1 + 25 * 4))
    assert np.isclose(palinstrophy(omega, grid), 0.5 * 0.25 * (8 * 1 + 125 * 4))


def test_invariants_on_a_rectangle():
    # GeophysicalFlows.jl's case, whose streamfunction has the other sign: energy 29/9, enstrophy 2701/162
    grid = Grid((24, 36), lengths=(2 * np.pi, 3 * np.pi))
    x, y = grid.mesh()
    k0, l0 = grid.scales
    one, two = np.sin(2 * k0 * x) * np.cos(2 * l0 * y), 2 * np.sin(k0 * x) * np.cos(3 * l0 * y)
    vorticity = -(4 * k0**2 + 4 * l0**2) * one - (k0**2 + 9 * l0**2) * two
    solution = solve_euler(vorticity, grid, time=0.0, steps=1)
    assert np.isclose(solution.energy[0], 29 / 9, rtol=1e-14)
    assert np.isclose(solution.enstrophy[0], 2701 / 162, rtol=1e-14)
    assert np.isclose(palinstrophy(solution.field_hat, grid), 126277 / 1458, rtol=1e-14)


def test_tendency_is_that_of_the_manufactured_flow():
    # GeophysicalFlows.jl's case: this force would hold the flow, so that the tendency without it is its opposite
    grid = Grid((20, 20))
    x, y = grid.mesh()
    zeta = -8 * np.sin(2 * x) * np.cos(2 * y) - 20 * np.sin(x) * np.cos(3 * y)
    force = -8 * (
        np.cos(x) * np.cos(3 * y) * np.sin(2 * x) * np.sin(2 * y)
        - 3 * np.cos(2 * x) * np.cos(2 * y) * np.sin(x) * np.sin(3 * y)
    )
    equation = VorticityEquation(grid)
    tendency = equation.synthesised(equation.tendency(equation.analysed(zeta)))
    assert np.abs(tendency + force).max() < 1e-12


def test_agrees_with_the_naive_reference_on_the_torus():
    grid = Grid((32, 32))
    values = random_values(grid)
    points = np.random.default_rng(2).uniform(0, 2 * np.pi, (9, 2))
    solution = solve_euler(values, grid, time=1.0, steps=20, particles=points)
    omega = reference_solver.coefficients(values, grid.modes[0])
    omega, moved = reference_solver.solve(omega, points, time=1.0, steps=20)
    assert np.abs(reference_solver.grid_values(omega, 32) - solution.field).max() < 1e-12
    assert np.abs(moved - solution.positions).max() < 1e-12


def test_the_box_is_the_torus_of_its_parity_extension():
    grid = Grid((24, 24), "cube")
    values = random_values(grid)
    solution = solve_euler(values, grid, time=1.0, steps=20)
    # the extension lives on cell centres, half a cell off the grid of the torus: a shift is a symmetry of the equations
    twice = reference_solver.parity_extension(values)
    torus = solve_euler(twice, Grid((48, 48)), time=1.0, steps=20)
    assert np.abs(torus.field - reference_solver.parity_extension(solution.field)).max() < 1e-12
    omega = reference_solver.coefficients(twice, grid.modes[0], shift=np.pi / 48)
    omega, _ = reference_solver.solve(omega, np.zeros((1, 2)), time=1.0, steps=20)
    naive = reference_solver.grid_values(omega, 48, shift=np.pi / 48)
    assert np.abs(naive - reference_solver.parity_extension(solution.field)).max() < 1e-12


@pytest.mark.parametrize("domain", ["torus", "cube"])
@pytest.mark.parametrize(("tableau", "steps", "tolerance"), [(RK4, (8, 16, 32), 0.25), (DOP853, (3, 6), 0.8)])
def test_order_of_field_and_particles(domain, tableau, steps, tolerance):
    grid = Grid((24, 24), domain)
    values = 2 * random_values(grid)
    points = np.random.default_rng(3).uniform(0.1, 3.0, (20, 2))
    exact = Geodesic(values, grid, steps=64, tableau=DOP853)
    errors = []
    for n in steps:
        geodesic = Geodesic(values, grid, steps=n, tableau=tableau)
        errors.append(
            (
                np.abs(geodesic.field1_hat - exact.field1_hat).max(),
                np.abs(geodesic.forward(points) - exact.forward(points)).max(),
            )
        )
    slopes = np.diff(np.log2(errors), axis=0)
    assert np.abs(exact.field1_hat - exact.field0_hat).max() > 0.01  # the field is unsteady
    assert (slopes < -(tableau.order - tolerance)).all(), slopes


@pytest.mark.parametrize("domain", ["torus", "cube"])
def test_geodesic_inverse_path_and_volume(domain):
    grid = Grid((24, 24), domain)
    geodesic = Geodesic(2 * random_values(grid), grid, steps=24)
    points = np.random.default_rng(4).uniform(0.01, 3.1, (50, 2))
    end = geodesic.forward(points)
    assert np.abs(geodesic.inverse(end) - points).max() < 1e-11
    assert np.abs(geodesic.log_abs_det(points)).max() < 1e-10
    path = geodesic.path(points, [0.0, 0.3, 0.77, 1.0])
    assert np.array_equal(path[0], points)
    assert np.abs(path[-1] - end).max() < 1e-10
    half = Geodesic(geodesic.field0, grid, time=0.3, steps=24)
    assert np.abs(path[1] - half.forward(points)).max() < 1e-10


def test_particles_stay_within_the_walls():
    grid = Grid((24, 24), "cube")
    corners = np.array([[0.0, 0.0], [np.pi, 1.0], [1e-9, np.pi - 1e-9]])
    moved = Geodesic(5 * random_values(grid), grid, steps=64).forward(corners)
    assert moved.min() >= 0 and moved.max() <= np.pi
    assert moved[0].tolist() == [0.0, 0.0] and np.isclose(moved[1, 0], np.pi, rtol=1e-15)


def test_default_steps_follow_the_velocity():
    # if w(t) solves the equations, so does 4 w(4 t): in the same steps, and to the last bit by a power of two
    grid = Grid((32, 32))
    slow, fast = (solve_euler(a * four_modes(grid), grid, time=4.0 / a) for a in (1.0, 4.0))
    assert np.array_equal(4 * fast.times, slow.times) and np.array_equal(fast.field, 4 * slow.field)
    assert len(slow.times) > 10 and abs(slow.energy[-1] / slow.energy[0] - 1) < 1e-3
    doubled = solve_euler(four_modes(grid), grid, time=8.0)
    assert abs(len(doubled.times) / len(slow.times) - 2) < 0.2


def test_time_runs_back():
    grid = Grid((24, 24))
    values = random_values(grid)
    # if u(t) solves the equations, so does -u(-t)
    there = solve_euler(values, grid, time=0.5, steps=40)
    mirrored = solve_euler(-values, grid, time=-0.5, steps=40)
    assert np.abs(there.field + mirrored.field).max() < 1e-14 and mirrored.times[-1] == -0.5
    returns = []
    for steps in (20, 40):
        there = solve_euler(values, grid, time=0.5, steps=steps)
        back = solve_euler(there.field, grid, time=-0.5, steps=steps)
        returns.append(np.abs(back.field - values).max())
    # the leading error of RK4 cancels on the way back, and leaves the fifth order
    assert returns[1] < 1e-8 and np.log2(returns[0] / returns[1]) > 4.7


def test_bad_input():
    grid = Grid((16, 16), "cube")
    field = np.ones((16, 16))
    with pytest.raises(ValueError, match="domain: expected"):
        Grid((16, 16), "sphere")
    with pytest.raises(ValueError, match="points: expected"):
        Grid((2, 2))
    with pytest.raises(ValueError, match=r"field0: expected one value a grid point, shape \(16, 16\); got \(16, 8\)"):
        solve_euler(field[:, :8], grid, time=1.0)
    with pytest.raises(ValueError, match=r"got 1 that are not, the first at \[2 3\]"):
        broken = field.copy()
        broken[2, 3] = np.nan
        solve_euler(broken, grid, time=1.0)
    with pytest.raises(ValueError, match="steps: expected a positive whole number"):
        solve_euler(field, grid, time=1.0, steps=0)
    with pytest.raises(ValueError, match="time: expected a finite number"):
        solve_euler(field, grid, time=np.inf)
    with pytest.raises(ValueError, match=r"positions: expected positions between 0 and the sides"):
        Geodesic(field, grid).forward([[4.0, 1.0]])
    with pytest.raises(ResolutionError, match=r"expected at least \d+ for RK4 to be stable .* Raise steps"):
        solve_euler(1e3 * random_values(grid), grid, time=1.0, steps=4)
