"""The options of the solver in all their positions, what it refuses, and solutions that do not end."""

import numpy as np
import pytest
from fields import random_values

from eulerot.errors import ResolutionError
from eulerot.euler import diagnostics
from eulerot.euler.equations import BoxVorticityEquation, VorticityEquation
from eulerot.euler.grid import Grid
from eulerot.euler.particles.advection import Advection
from eulerot.euler.solver import solve_euler


@pytest.mark.parametrize("domain", ["torus", "cube"])
@pytest.mark.parametrize("lengths", [None, (1.0, 2.0)])
def test_velocity_and_vorticity_are_two_views_of_one_flow(domain, lengths):
    grid = Grid((24, 20), domain, lengths=lengths)
    x, y = (scale * axis for scale, axis in zip(grid.scales, grid.mesh(), strict=True))
    k, l = grid.scales
    time = 0.1 / (k * l)
    # psi = sin x sin 2y + sin 3x sin y
    u = 2 * l * np.sin(x) * np.cos(2 * y) + l * np.sin(3 * x) * np.cos(y)
    v = -k * np.cos(x) * np.sin(2 * y) - 3 * k * np.cos(3 * x) * np.sin(y)
    omega = (k**2 + 4 * l**2) * np.sin(x) * np.sin(2 * y) + (9 * k**2 + l**2) * np.sin(3 * x) * np.sin(y)
    by_vorticity = solve_euler(omega, grid, time=time, steps=30, quantity="vorticity", tail_limit=None)
    by_velocity = solve_euler([u, v], grid, time=time, steps=30, quantity="velocity", tail_limit=None)
    assert np.abs(by_velocity.field_hat - by_vorticity.field_hat).max() < 1e-14 * np.abs(omega).max()
    assert np.array_equal(by_vorticity.field, solve_euler(omega, grid, time=time, steps=30, tail_limit=None).field)
    velocity = VorticityEquation(grid).velocity(by_vorticity.field_hat)
    assert by_velocity.field.shape == (2, 24, 20)
    assert np.abs(by_velocity.field - velocity).max() < 1e-13 * np.abs(u).max()
    at_once = solve_euler([u, v], grid, time=0.0, steps=1, quantity="velocity", tail_limit=None)
    assert np.abs(at_once.field - [u, v]).max() < 1e-14 * np.abs([u, v]).max()


def shear_layer(grid, rho):
    """The double shear layer on the unit square, by its vorticity (Bell, Colella, Glaz 1989)."""
    x, y = grid.mesh()
    u_y = np.where(y <= 0.5, rho / np.cosh(rho * (y - 0.25)) ** 2, -rho / np.cosh(rho * (0.75 - y)) ** 2)
    return 0.1 * np.pi * np.cos(2 * np.pi * x) - u_y


def test_an_under_resolved_field_is_refused():
    thin = Grid((128, 128), lengths=(1.0, 1.0))
    with pytest.raises(ResolutionError, match=r"outermost tenth .* Raise points \(now \(128, 128\)\), end sooner"):
        solve_euler(shear_layer(thin, 100.0), thin, time=0.8)
    regardless = solve_euler(shear_layer(thin, 100.0), thin, time=0.8, tail_limit=None)
    assert regardless.tail.max() > 1e-2 and regardless.status == "completed"


@pytest.mark.slow
def test_a_resolved_field_is_not_refused():
    grid = Grid((256, 256), lengths=(1.0, 1.0))
    solution = solve_euler(shear_layer(grid, 30.0), grid, time=0.8)
    assert solution.tail.max() < 1e-4 and solution.status == "completed"
    assert abs(solution.energy[-1] / solution.energy[0] - 1) < 1e-6
    limit = solution.tail[-1] / 2
    with pytest.raises(ResolutionError, match=r"of the enstrophy .* after 0 steps"):
        solve_euler(solution.field, grid, time=0.1, tail_limit=limit)


@pytest.mark.parametrize(
    ("owner", "name", "domain"),
    # in the middle of a step, and at its start where it is one call; while its particles are moved; between the energy
    # and the Casimirs of a measurement
    [
        (VorticityEquation, "tendency", "torus"),
        (BoxVorticityEquation, "step", "cube"),
        (Advection, "advance", "cube"),
        (diagnostics, "power_sums", "cube"),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
@pytest.mark.parametrize("share", [0.0, 0.27, 0.999])
def test_an_interrupted_solution_ends_with_its_last_complete_step(owner, name, domain, share, monkeypatch):
    # Ctrl-C from outside comes at another moment every time: here it comes at a share of the calls of one function
    grid, steps = Grid((24, 24), domain), 20
    values, points = random_values(grid), np.random.default_rng(5).uniform(0, np.pi, (6, 2))
    function, calls, end = getattr(owner, name), 0, np.inf

    def interrupted(*arguments):
        nonlocal calls
        calls += 1
        if calls > end:
            raise KeyboardInterrupt
        return function(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, interrupted)
        whole = solve_euler(values, grid, time=1.0, steps=steps, particles=points, casimirs_every=1)
        first = 1 if owner is diagnostics else 0  # the field is measured once before the first step
        needed, calls = calls - first, 0
        end = first + int(share * needed)
        solution = solve_euler(values, grid, time=1.0, steps=steps, particles=points, casimirs_every=1)
    done = int(share * needed) * steps // needed
    assert solution.status == "interrupted" and whole.status == "completed"
    for column in ("times", "energy", "enstrophy", "casimirs", "tail"):
        assert np.array_equal(getattr(solution, column), getattr(whole, column)[: done + 1])
    if done == 0:
        assert np.array_equal(solution.field_hat, VorticityEquation(grid).analysed(values))
        assert np.allclose(solution.positions, points, rtol=1e-15)
    else:
        shorter = solve_euler(values, grid, time=done / steps, steps=done, particles=points)
        assert np.abs(solution.field - shorter.field).max() < 1e-14
        assert np.abs(solution.positions - shorter.positions).max() < 1e-14


def test_casimirs_are_measured_at_some_steps():
    grid, options = Grid((24, 20)), {"time": 1.0, "steps": 20, "save_at": [0.0, 0.35, 1.0]}
    values = random_values(grid) + 0.3 * np.cos(grid.mesh()[0])
    every = solve_euler(values, grid, casimirs_every=1, **options).casimirs
    first, last = ((solve_euler(values, grid, time=1.0, steps=20).field ** n).mean() for n in (3, 4))
    assert every.shape == (21, 2) and np.allclose(every[0], [(values**n).mean() for n in (3, 4)], rtol=0, atol=1e-13)
    assert np.allclose(every[-1], [first, last], rtol=1e-9)
    for some, steps in ((None, {0, 7, 20}), (6, {0, 6, 7, 12, 18, 20})):
        found = solve_euler(values, grid, casimirs_every=some, **options).casimirs
        assert set(np.flatnonzero(np.isfinite(found).all(axis=1)).tolist()) == steps
        assert np.array_equal(found[sorted(steps)], every[sorted(steps)])
    stopped = solve_euler(values, grid, time=1.0, steps=20, callback=lambda step: step.number == 5)
    assert np.isfinite(stopped.casimirs[[0, -1]]).all() and np.isnan(stopped.casimirs[1:-1]).all()
    longer = solve_euler(stopped, grid, time=1.0, steps=20, casimirs_every=4)  # counts from the start
    assert np.flatnonzero(np.isfinite(longer.casimirs[:, 0])).tolist() == [0, 5, 8, 12, 16, 20]


@pytest.mark.parametrize(("points", "every"), [((8, 8, 8), 1), ((8, 8), 0), ((8, 8), 1.5)])
def test_casimirs_are_those_of_the_plane_at_whole_steps(points, every):
    grid = Grid(points)
    with pytest.raises((ValueError, TypeError), match="casimirs_every: expected"):
        solve_euler(np.zeros((*[3] * (len(points) - 2), *points)), grid, time=1.0, casimirs_every=every)


def test_threads_and_progress_change_nothing(capsys):
    grid = Grid((24, 24))
    values, points = random_values(grid), np.random.default_rng(6).uniform(0, 6, (50, 2))
    one = solve_euler(values, grid, time=1.0, steps=10, particles=points)
    assert capsys.readouterr().err == ""
    two = solve_euler(values, grid, time=1.0, steps=10, particles=points, threads=2, progress=True)
    assert np.array_equal(one.field, two.field) and np.array_equal(one.positions, two.positions)
    assert "10/10" in capsys.readouterr().err


def test_the_courant_number_sets_the_steps():
    grid = Grid((32, 32))
    half, whole = (
        len(solve_euler(random_values(grid), grid, time=1.0, courant=courant).times) - 1 for courant in (0.5, 1.0)
    )
    assert half in (2 * whole, 2 * whole - 1)


def test_particles_leave_the_period_of_a_torus():
    # omega = cos y is the shear u = -sin y; positions are not wrapped
    grid = Grid((16, 16))
    start = np.array([[-3.0, 1.0], [7.0, 20.0]])
    moved = solve_euler(np.cos(grid.mesh()[1]), grid, time=2.0, steps=8, particles=start).positions
    assert np.allclose(moved, start + np.stack([-2 * np.sin(start[:, 1]), [0, 0]], axis=1), rtol=0, atol=1e-13)


def test_what_no_flow_has_is_dropped():
    grid = Grid((16, 16))
    values = random_values(grid)
    beyond = np.cos(7 * grid.mesh()[0])  # of 16 points, five modes are kept
    regardless = solve_euler(values + 3.0 + beyond, grid, time=0.0, steps=1, tail_limit=None)
    assert np.allclose(regardless.field, values, rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"time": np.inf}, "time: expected a finite number"),
        ({"steps": 0}, "steps: expected a positive whole number; got 0"),
        ({"steps": 2.5}, "steps: expected a positive whole number; got 2.5"),
        ({"steps": np.nan}, "steps: expected a positive whole number; got nan"),
        ({"steps": np.inf}, "steps: expected a positive whole number; got inf"),
        ({"threads": 0}, "threads: expected a positive whole number; got 0"),
        ({"threads": 1.5}, "threads: expected a positive whole number; got 1.5"),
        ({"courant": 0.0}, r"courant: expected a share in \(0, 1\]; got 0.0"),
        ({"courant": 1.5}, "courant: expected a share"),
        ({"courant": np.nan}, "courant: expected a share"),
        ({"tail_limit": 0.0}, r"tail_limit: expected a share in \(0, 1\], or None"),
        ({"tail_limit": np.nan}, "tail_limit: expected a share"),
        ({"quantity": "streamfunction"}, "quantity: expected 'vorticity' or 'velocity'; got 'streamfunction'"),
        ({"quantity": "velocity"}, r"field0: expected 2 components a grid point, shape \(2, 16, 16\); got \(16, 16\)"),
        ({"particles": [[1.0, 2.0, 3.0]]}, "particles: expected samples of dimension 2; got 3 columns"),
        ({"particles": [[1.0, np.nan]]}, "particles: expected finite values"),
        ({"particles": [[1.0, 2.0], [1.0, 3.2]]}, r"particles: expected positions between .* got 1 outside, .* row 1"),
        ({"particles": [[-1e-9, 2.0]]}, "particles: expected positions between"),
    ],
)
def test_options_that_are_refused(options, message):
    grid = Grid((16, 16), "cube")
    with pytest.raises(ValueError, match=message):
        solve_euler(random_values(grid), grid, **{"time": 0.1, **options})


def test_particles_may_touch_the_walls_of_their_box():
    grid = Grid((16, 16), "cube", lengths=(1.0, 5.0))
    corners = np.array([[0.0, 0.0], [1.0, 5.0], [0.3, 4.9]])
    moved = solve_euler(random_values(grid), grid, time=0.1, particles=corners).positions
    assert np.allclose(moved[:2], corners[:2], rtol=1e-15) and not np.allclose(moved[2], corners[2])
    with pytest.raises(ValueError, match=r"between 0 and the sides \(1.0, 5.0\); got 2 outside"):
        solve_euler(random_values(grid), grid, time=0.1, particles=[[0.0, 5.1], [0.5, 0.5], [1.1, 0.0]])


def test_options_are_keywords():
    grid = Grid((16, 16))
    with pytest.raises(TypeError):
        solve_euler(random_values(grid), grid, 0.1)


def test_a_mean_flow_of_the_plane_is_refused():
    grid = Grid((16, 16))
    x, y = grid.mesh()
    with pytest.raises(ValueError, match=r"field0: expected a velocity without mean; got a mean of \[1\. .*\]"):
        solve_euler([1 + np.cos(y), np.sin(x)], grid, time=0.1, quantity="velocity")


def test_default_steps_follow_a_field_that_speeds_up():
    # the thin layer rolls up, and its velocity more than doubles on the way
    grid = Grid((128, 128), lengths=(1.0, 1.0))
    solution = solve_euler(shear_layer(grid, 100.0), grid, time=0.8, courant=0.9, tail_limit=None)
    steps = np.diff(solution.times)
    assert solution.status == "completed" and solution.times[-1] == 0.8
    assert (steps > 0).all() and steps[-1] < 0.7 * steps[0]
    assert abs(solution.energy[-1] / solution.energy[0] - 1) < 1e-2
    with pytest.raises(ResolutionError, match=r"steps: expected at least .* Raise steps"):
        solve_euler(shear_layer(grid, 100.0), grid, time=0.8, steps=len(steps) // 2, tail_limit=None)
