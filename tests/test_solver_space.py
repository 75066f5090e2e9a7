"""The solver in space against values computed elsewhere, exact solutions and identities, and the naive reference."""

import numpy as np
import pytest
import reference_solver_space as reference
from fields import random_velocity

from eulerot.euler.equations import VelocityEquation
from eulerot.euler.grid import Grid
from eulerot.euler.solver import solve_euler


def taylor_green(grid):
    x, y, z = grid.mesh()
    return np.stack([np.sin(x) * np.cos(y) * np.cos(z), -np.cos(x) * np.sin(y) * np.cos(z), np.zeros_like(x)])


def abc_flow(grid, a=1.0, b=0.7, c=0.43):
    x, y, z = grid.mesh()
    return np.stack([a * np.sin(z) + c * np.cos(y), b * np.sin(x) + a * np.cos(z), c * np.sin(y) + b * np.cos(x)])


@pytest.mark.parametrize("domain", ["torus", "cube"])
def test_taylor_green(domain):
    # the vortex has the parity of a box, whose 24 points keep the modes that 48 points keep on the torus
    grid = Grid((48,) * 3) if domain == "torus" else Grid((24,) * 3, "cube")
    solution = solve_euler(taylor_green(grid), grid, time=0.5, steps=20)
    assert np.isclose(solution.energy[0], 1 / 8, rtol=1e-14) and np.isclose(solution.enstrophy[0], 3 / 8, rtol=1e-14)
    assert np.isclose(solution.enstrophy[-1], 0.3849485194, rtol=0, atol=1e-9)
    assert np.abs(solution.energy / solution.energy[0] - 1).max() < 1e-10
    if domain == "torus":  # the flow is its own mirror image
        assert np.abs(solution.helicity).max() < 1e-15


def test_enstrophy_of_taylor_green_grows_as_its_series():
    # Z / Z(0) = 1 + 5 t^2 / 48 + O(t^4): two times give the coefficient but for O(t^4)
    grid = Grid((12,) * 3, "cube")
    growth = []
    for time in (0.05, 0.1):
        enstrophy = solve_euler(taylor_green(grid), grid, time=time, steps=10).enstrophy
        growth.append((enstrophy[-1] / enstrophy[0] - 1) / time**2)
    assert np.isclose((4 * growth[0] - growth[1]) / 3, 5 / 48, rtol=1e-5)


def test_abc_flow_is_steady_and_its_own_vorticity():
    grid = Grid((16, 12, 18))
    velocity = abc_flow(grid)
    solution = solve_euler(velocity, grid, time=1.0, steps=20)
    assert np.abs(solution.field - velocity).max() < 1e-14
    assert np.allclose(solution.energy, (1.0 + 0.7**2 + 0.43**2) / 2, rtol=1e-14)
    assert np.allclose(solution.enstrophy, solution.energy, rtol=1e-14)
    assert np.allclose(solution.helicity, 2 * solution.energy, rtol=1e-14)
    assert solution.casimirs is None
    vorticity = solve_euler(velocity, grid, time=0.0, steps=1, quantity="vorticity")
    assert np.abs(vorticity.field - velocity).max() < 1e-14  # u = curl u, the vorticity that was given


@pytest.mark.parametrize("dealiasing", ["2/3", "3/2"])
@pytest.mark.parametrize("lengths", [None, (1.0, 2.0, 3.0)])
def test_the_torus_agrees_with_the_naive_reference(lengths, dealiasing):
    grid = Grid((12, 10, 9), lengths=lengths, dealiasing=dealiasing)
    values = random_velocity(grid)
    time = 0.5 / np.max(grid.scales)
    solution = solve_euler(values, grid, time=time, steps=10, tail_limit=None)
    naive = reference.solve(reference.coefficients(values, grid.modes), time, 10, grid.scales)
    assert np.abs(reference.grid_values(naive, grid.points) - solution.field).max() < 1e-13
    assert np.isclose(solution.energy[-1], reference.energy(naive), rtol=1e-13)
    assert np.isclose(solution.enstrophy[-1], reference.enstrophy(naive, grid.scales), rtol=1e-13)
    assert np.abs(solution.field - values).max() > 0.02  # the field is unsteady


@pytest.mark.parametrize("dealiasing", ["2/3", "3/2"])
@pytest.mark.parametrize("lengths", [None, (1.0, 2.0, 3.0)])
def test_the_box_is_the_torus_of_its_parity_extension(lengths, dealiasing):
    grid = Grid((6, 8, 7), "cube", lengths=lengths, dealiasing=dealiasing)
    values = random_velocity(grid)
    time = 0.5 / np.max(grid.scales)
    solution = solve_euler(values, grid, time=time, steps=10, tail_limit=None)
    # the extension lives on cell centres, half a cell off the grid of the torus: a shift is a symmetry of the equations
    twice = Grid((12, 16, 14), lengths=tuple(2 * side for side in grid.sides), dealiasing=dealiasing)
    torus = solve_euler(reference.parity_extension(values), twice, time=time, steps=10, tail_limit=None)
    assert grid.modes == twice.modes
    assert np.abs(torus.field - reference.parity_extension(solution.field)).max() < 1e-13
    assert np.isclose(torus.energy[-1], solution.energy[-1], rtol=1e-14)
    assert np.isclose(torus.enstrophy[-1], solution.enstrophy[-1], rtol=1e-13)
    assert np.abs(solution.field - values).max() > 0.02


@pytest.mark.parametrize("domain", ["torus", "cube"])
def test_order_of_the_field(domain):
    grid = Grid((8, 10, 9), domain)
    values = random_velocity(grid)
    exact = solve_euler(values, grid, time=0.5, steps=128, tail_limit=None).field
    errors = [
        np.abs(solve_euler(values, grid, time=0.5, steps=n, tail_limit=None).field - exact).max() for n in (8, 16, 32)
    ]
    slopes = np.diff(np.log2(errors))
    assert np.abs(exact - values).max() > 0.1  # the field is unsteady
    assert (np.abs(slopes + 4) < 0.3).all(), slopes


def test_energy_and_helicity_stay_to_the_order_of_the_steps():
    grid = Grid((12, 12, 12))
    values = random_velocity(grid) + abc_flow(grid)
    drifts = []
    for steps in (20, 40):
        solution = solve_euler(values, grid, time=1.0, steps=steps, tail_limit=None)
        drifts.append([np.abs(column - column[0]).max() for column in (solution.energy, solution.helicity)])
    assert abs(solution.helicity[0]) > 0.1 and np.abs(solution.enstrophy / solution.enstrophy[0] - 1).max() > 0.01
    assert np.max(drifts[1]) < 1e-5 and np.min(np.log2(np.divide(*drifts))) > 4.5  # both drift with the fifth power


@pytest.mark.parametrize("domain", ["torus", "cube"])
def test_time_runs_back(domain):
    # if u(t) solves the equations, so does -u(-t)
    grid = Grid((8, 9, 10), domain)
    values = random_velocity(grid)
    there = solve_euler(values, grid, time=0.5, steps=20, tail_limit=None)
    mirrored = solve_euler(-values, grid, time=-0.5, steps=20, tail_limit=None)
    assert np.abs(there.field + mirrored.field).max() < 1e-14
    back = solve_euler(there.field, grid, time=-0.5, steps=20, tail_limit=None)
    assert np.abs(back.field - values).max() < 1e-4 < np.abs(there.field - values).max()


@pytest.mark.parametrize("domain", ["torus", "cube"])
@pytest.mark.parametrize("lengths", [None, (1.0, 2.0, 3.0)])
def test_velocity_and_vorticity_are_two_views_of_one_flow(domain, lengths):
    grid = Grid((10, 8, 9), domain, lengths=lengths)
    values, time = random_velocity(grid), 0.1 / np.max(grid.scales)
    if not grid.walls:
        values -= values.mean(axis=(1, 2, 3), keepdims=True)  # no vorticity tells of a mean velocity
    by_velocity = solve_euler(values, grid, time=time, steps=8, tail_limit=None)
    equation = VelocityEquation(grid)
    vorticity = equation.vorticity(equation.analysed(values))
    by_vorticity = solve_euler(vorticity, grid, time=time, steps=8, quantity="vorticity", tail_limit=None)
    assert np.abs(by_vorticity.field_hat - by_velocity.field_hat).max() < 1e-14
    expected = equation.vorticity(by_velocity.field_hat)
    assert np.abs(by_vorticity.field - expected).max() < 1e-13 * np.abs(expected).max()
    assert np.isclose(by_velocity.enstrophy[0], 0.5 * np.sum(vorticity**2) / np.prod(grid.points), rtol=1e-13)


def test_a_mean_velocity_carries_the_flow_along():
    grid = Grid((10, 10, 10))
    values, cells = random_velocity(grid), np.array([3, -2, 5])
    values -= values.mean(axis=(1, 2, 3), keepdims=True)
    mean = (cells * 2 * np.pi / 10).reshape(3, 1, 1, 1)  # so many cells in a unit of time
    errors = []
    for steps in (100, 200):
        still = solve_euler(values, grid, time=1.0, steps=steps, tail_limit=None).field
        moving = solve_euler(values + mean, grid, time=1.0, steps=steps, tail_limit=None).field
        errors.append(np.abs(moving - np.roll(still, cells, axis=(1, 2, 3)) - mean).max())
    assert errors[1] < 1e-5 and np.log2(errors[0] / errors[1]) > 3.7  # it is the error of the steps


def test_a_divergence_is_dropped():
    grid = Grid((8, 8, 8))
    x, y, z = grid.mesh()
    gradient = np.stack([np.cos(x + y), np.cos(x + y), np.zeros_like(z)])
    kept = solve_euler(abc_flow(grid) + gradient, grid, time=0.0, steps=1, tail_limit=None).field
    assert np.abs(kept - abc_flow(grid)).max() < 1e-14


@pytest.mark.parametrize(
    ("shape", "quantity"), [((8, 8, 8), None), ((2, 8, 8, 8), "velocity"), ((3, 8, 8, 7), "vorticity")]
)
def test_fields_that_are_refused(shape, quantity):
    with pytest.raises(ValueError, match=r"field0: expected 3 components a grid point, shape \(3, 8, 8, 8\); got"):
        solve_euler(np.zeros(shape), Grid((8, 8, 8)), time=0.1, quantity=quantity)
