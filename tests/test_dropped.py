"""What the solver would drop of an input is held against the tail limit, and said; and what is not dropped goes on."""

import numpy as np
import pytest

from eulerot.errors import ResolutionError
from eulerot.euler.dropped import dropped_shares
from eulerot.euler.equations import equation_of
from eulerot.euler.grid import Grid
from eulerot.euler.solver import solve_euler

PLANE, BOX = Grid((32, 32)), Grid((32, 32), "cube")
SPACE, ROOM = Grid((16, 16, 16)), Grid((12, 12, 12), "cube")


def cases():
    """Yield inputs with the share that is dropped, of what, and the advice, all worked out by hand."""
    x, y = PLANE.mesh()
    kept = np.cos(3 * x + y)
    yield "high modes", PLANE, kept + np.cos(12 * x), None, r"of the enstrophy .* got 0\.5 in modes beyond \(10, 10\)"
    yield "a Nyquist mode", PLANE, kept + np.cos(16 * x), None, r"got 0\.67 in modes beyond"  # 1 of 1/2 + 1
    yield "a mean vorticity", PLANE, kept + 1.0, None, r"got 0\.67 in a mean\. Subtract the mean"
    # cos(y) + 0.1 cos(12 y): of the energy 1/101, of the enstrophy 1.44/2.44
    thin = np.stack([np.cos(y) + 0.1 * np.cos(12 * y), 0 * y])
    yield "a thin layer", PLANE, thin, "velocity", r"of the enstrophy of this velocity .* got 0\.59 in modes beyond"
    yield "a source", PLANE, [np.sin(x) + np.cos(y), 0 * x], "velocity", r"of the energy .* got 0\.5 in a divergence"
    # sines of a constant on 32 points: those beyond 21 hold some of it, all the others a divergence
    yield "a draught", BOX, np.ones((2, 32, 32)), "velocity", r"in a divergence\. .*a velocity that does not cross"
    a, b = BOX.mesh()
    yield "a high sine", BOX, np.sin(a) * np.sin(b) + np.sin(30 * a) * np.sin(b), None, r"got 0\.5 in modes beyond"
    x, y, _ = SPACE.mesh()
    none = 0 * x
    yield "a source in space", SPACE, [np.sin(x) + np.cos(y), none, none], None, r"energy .* got 0\.5 in a divergence"
    swirl = [np.cos(y), none, none]
    yield "high modes in space", SPACE, [np.cos(y) + np.cos(7 * y), none, none], None, r"got 0\.5 in modes beyond"
    yield "a mean vorticity in space", SPACE, [none, none, 1 + np.sin(y)], "vorticity", r"got 0\.67 in a mean"
    yield "a source of vorticity", SPACE, [np.sin(x) + np.sin(y), none, none], "vorticity", r"got 0\.5 in a divergence"
    a, b, c = ROOM.mesh()
    room = [np.sin(a) * np.cos(b), -np.cos(a) * np.sin(b), np.sin(c)]
    yield "a source in a room", ROOM, room, None, r"energy .* got 0\.5 in a divergence"
    assert solve_euler(swirl, SPACE, time=0.0, steps=1).status == "completed"


@pytest.mark.parametrize("case", list(cases()), ids=lambda case: case[0])
def test_what_would_be_dropped_is_refused_and_said(case):
    _, grid, values, quantity, message = case
    with pytest.raises(ResolutionError, match=message):
        solve_euler(values, grid, time=0.1, quantity=quantity)
    regardless = solve_euler(values, grid, time=0.1, steps=4, quantity=quantity, tail_limit=None)
    assert regardless.status == "completed"


def test_a_share_below_the_limit_is_dropped_without_a_word():
    x, _ = PLANE.mesh()
    values = np.cos(x) + 0.05 * np.cos(12 * x)  # 0.0025 of the enstrophy
    assert np.allclose(solve_euler(values, PLANE, time=0.0, steps=1).field, np.cos(x), rtol=0, atol=1e-14)
    with pytest.raises(ResolutionError, match=r"at most 0\.001 of the enstrophy .* got 0\.0025 in modes"):
        solve_euler(values, PLANE, time=0.0, steps=1, tail_limit=1e-3)


@pytest.mark.parametrize("domain", ["torus", "cube"])
@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("dealiasing", ["2/3", "3/2"])
def test_nothing_is_dropped_of_what_the_equations_make(domain, dim, dealiasing):
    points = (12, 15, 10)[:dim]
    grid = Grid(points, domain, lengths=(1.0, 2.0, 5.0)[:dim], dealiasing=dealiasing)
    equation = equation_of(grid)
    field = equation.analysed(np.random.default_rng(0).standard_normal((*((3,) if dim == 3 else ()), *points)))
    velocity, vorticity = equation.velocity(field), getattr(equation, "vorticity", equation.synthesised)(field)
    for values, quantity in ((velocity, "velocity"), (vorticity, "vorticity")):
        assert max(dropped_shares(equation, values, quantity)) < 1e-28


@pytest.mark.parametrize("domain", ["torus", "cube"])
@pytest.mark.parametrize("dim", [2, 3])
def test_shares_are_what_is_lost_on_the_grid(domain, dim):
    points = (12, 15, 10)[:dim]
    grid = Grid(points, domain, lengths=(1.0, 2.0, 5.0)[:dim])
    equation, rng = equation_of(grid), np.random.default_rng(1)
    for quantity in ("velocity", "vorticity"):
        scalar = dim == 2 and quantity == "vorticity"
        values = rng.standard_normal(points if scalar else (dim, *points)) + 0.3
        if quantity == "velocity":
            field = equation.from_velocity(values) if dim == 2 else equation.analysed(values)
            kept = equation.velocity(field)
        elif scalar:
            kept = equation.synthesised(equation.analysed(values))
        else:
            kept = equation.vorticity(equation.from_vorticity(values))
        lost = np.mean((values - kept) ** 2) / np.mean(values**2)
        assert np.isclose(sum(dropped_shares(equation, values, quantity)[:3]), lost, rtol=1e-12)


def test_a_mean_that_rounding_leaves_is_no_mean():
    x, y = PLANE.mesh()
    exact = np.stack([np.cos(y), np.sin(x)])
    for size in (1.0, 1e4):
        single = (exact * size + 5e-8 * size).astype(np.float32)
        assert np.abs(single.astype(float).mean(axis=(1, 2))).max() > 1e-8 * size
        for velocity in (single, single.astype(np.float64)):
            moved = solve_euler(velocity, PLANE, time=0.0, steps=1, quantity="velocity").field
            assert np.abs(moved - size * exact).max() < 1e-6 * size
    half = (exact + 1e-3).astype(np.float16)
    assert solve_euler(half, PLANE, time=0.0, steps=1, quantity="velocity").status == "completed"


@pytest.mark.parametrize("mean", [1e-5, 0.01, 10.0])
def test_a_mean_velocity_of_the_plane_is_refused_or_dropped(mean):
    x, y = PLANE.mesh()
    exact = np.stack([np.cos(y), np.sin(x)])
    with pytest.raises(ResolutionError, match=r"expected a velocity without mean; got a mean of .* subtract it"):
        solve_euler(exact + mean, PLANE, time=0.1, quantity="velocity")
    moved = solve_euler(exact + mean, PLANE, time=0.0, steps=1, quantity="velocity", tail_limit=None).field
    assert np.allclose(moved, exact, rtol=0, atol=1e-12)


def test_a_mean_velocity_in_space_is_kept():
    *_, z = SPACE.mesh()
    moved = solve_euler([np.cos(z) + 2.0, np.sin(z), 1.0 + 0 * z], SPACE, time=0.1, steps=4)
    assert np.allclose(moved.field.mean(axis=(1, 2, 3)), [2.0, 0.0, 1.0], rtol=0, atol=1e-13)


def test_a_field_of_zeros_is_no_loss():
    assert solve_euler(np.zeros((32, 32)), PLANE, time=1.0).status == "completed"
    assert solve_euler(np.zeros((2, 32, 32)), PLANE, time=1.0, quantity="velocity").status == "completed"
