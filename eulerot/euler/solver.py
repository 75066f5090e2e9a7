"""The solver on its own: evolve a field by the Euler equations, and particles with it, and keep its invariants."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from tqdm import tqdm

from eulerot._types import FloatArray
from eulerot.checks import checked_array, checked_choice, checked_count, checked_number
from eulerot.checks.scalars import shown
from eulerot.errors import ResolutionError
from eulerot.euler.diagnostics import Diagnostics
from eulerot.euler.dropped import check_dropped
from eulerot.euler.equations import Equation, VorticityEquation, equation_of
from eulerot.euler.grid import Grid, checked_grid
from eulerot.euler.integrators import RK4
from eulerot.euler.particles.advection import Advection
from eulerot.euler.particles.phases import to_phases, to_positions
from eulerot.euler.solution import EulerSolution, Snapshot, saved_of
from eulerot.euler.stepping import leg_counts, leg_ends, leg_steps, required_steps

__all__ = ["EulerSolution", "solve_euler"]

# Margins of interpolants with which a velocity of few modes is exact to rounding
_MARGIN = {2: 256, 3: 64}
_QUANTITIES = ("vorticity", "velocity")
_SHARE = ("a share in (0, 1]", lambda share: 0 < share <= 1)
# A velocity whose mean was subtracted in single precision has one of this share of its largest value at most
_ROUNDED = 1e-6


def solve_euler(
    field0: ArrayLike | EulerSolution,
    grid: Grid,
    *,
    time: float,
    steps: int | None = None,
    threads: int = 1,
    particles: ArrayLike | None = None,
    quantity: str | None = None,
    evaluation: str = "splines",
    courant: float = 0.5,
    tail_limit: float | None = 1e-2,
    save_at: ArrayLike | None = None,
    progress: bool = False,
) -> EulerSolution:
    """Evolve a field by the incompressible Euler equations, equations (6) to (8).

    Parameters
    ----------
    field0 : array_like or EulerSolution
        In two dimensions the vorticity ``omega = v_x - u_y`` at the grid points, shape `grid.points`; in three the
        velocity, shape ``(3, *grid.points)``. What no solution on the grid has is dropped: modes beyond the
        truncation, a mean vorticity, a divergence, what crosses the walls. `tail_limit` bounds how much that may be.
        A solution is gone on with from its end, with its particles and its quantity: what is returned holds it from its
        start. If `save_at` of a run in one go has the time at which it ends, the bits are those of that run.
    grid : Grid
        Domain and truncation.
    time : float
        Duration, that of a solution gone on with included; negative to go back.
    steps : int, optional
        Runge-Kutta steps of fourth order over the duration; by default as many as `courant` asks for, and more where
        the field speeds up.
    threads : int
        Threads. Results do not depend on it.
    particles : array_like, shape (n, d), optional
        Positions to carry along, within the walls of a box.
    quantity : {"vorticity", "velocity"}, optional
        What `field0` is, if it is the velocity in two dimensions, shape ``(2, *grid.points)`` and without mean on the
        torus (what rounding leaves of one, up to 1e-6 of the largest speed, is dropped), or the vorticity in three,
        shape ``(3, *grid.points)``. The solution's field is the same quantity.
    evaluation : {"splines", "nufft"}
        How the velocity at particles is summed: by splines of its potential, whose error is small where the highest
        modes are weak (1e-7 of the velocity of a field whose tail is below 1e-4; 1e-5 in a wave of the highest mode),
        and which keep particles within the walls and apart; or by a non-uniform FFT (finufft, an extra), whose error
        is 1e-13 of the largest velocity, and which takes some five times as long.
    courant : float
        The step in shares of the longest stable one, where `steps` is not given.
    tail_limit : float or None
        The largest share of the enstrophy that the outermost tenth of the kept modes may hold, at any step, and the
        largest share of the enstrophy, and of the energy if a velocity is given, of `field0` that may be dropped; None
        for no limit. The vorticity of rolling shear layers, of the four-mode flow and of the Taylor-Green vortex was
        off by 1 to 2 percent when the outermost share crossed 1e-4, by 3 to 7 at 1e-3 and by 9 to 18 at the default,
        which only stops solutions that no longer mean much; see ``validation/euler/resolution.py``.
    save_at : array_like, shape (m,), optional
        Times from 0 to `time`, in the order in which they are met, at which to keep the field, the particles and the
        invariants in the solution's `saved`. Steps end there exactly: between two of these times they are equal and
        shorter, and begin afresh as those of a solution that starts there. Of a solution gone on with, the times beyond
        its end; those that it saved are kept.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    EulerSolution
        The field at the end, the invariants at every step, and what was saved. Ctrl-C ends the solution
        with what there is.

    Raises
    ------
    ValueError
        If an argument does not fit, or an array is not finite.
    ResolutionError
        If the steps are too long for the scheme to be stable, if the field is under-resolved, or if too much of it
        would be dropped.

    Examples
    --------
    >>> grid = Grid((32, 32))
    >>> x, y = grid.mesh()
    >>> solution = solve_euler(np.cos(x) + np.cos(2 * y), grid, time=1.0, steps=50)
    >>> bool(abs(solution.energy[-1] / solution.energy[0] - 1) < 1e-9)
    True
    >>> saved = solve_euler(np.cos(x) + np.cos(2 * y), grid, time=1.0, save_at=[0, 0.3, 1]).saved
    >>> saved.times, saved.fields.shape
    (array([0. , 0.3, 1. ]), (3, 32, 32))
    """
    time, courant = checked_number("time", time), checked_number("courant", courant, *_SHARE)
    if tail_limit is not None:
        tail_limit = checked_number("tail_limit", tail_limit, f"{_SHARE[0]}, or None for no limit", _SHARE[1])
    steps = None if steps is None else checked_count("steps", steps)
    equation = equation_of(checked_grid(grid), threads=checked_count("threads", threads))
    earlier = field0 if isinstance(field0, EulerSolution) else None
    given = ("vorticity" if grid.dim == 2 else "velocity") if earlier is None else earlier.quantity
    quantity = checked_choice("quantity", given if quantity is None else quantity, _QUANTITIES)
    if isinstance(field0, EulerSolution):
        _check_continued(field0, grid, time, particles, quantity)
        start, field, phases = float(field0.times[-1]), field0.field_hat.copy(), field0.phases
    else:
        start, field = 0.0, _field_of(equation, field0, quantity, tail_limit)
        phases = None if particles is None else to_phases(grid.checked_positions("particles", particles), grid)
    times = None if save_at is None else _checked_save_times(save_at, time, None if earlier is None else start)
    ends = leg_ends(np.zeros(0) if times is None else times, time, start)
    diagnostics = Diagnostics(equation, tail_limit, earlier)
    snapshots = [] if earlier is None or earlier.saved is None else earlier.saved.snapshots()
    if earlier is None:
        diagnostics.record(0.0, field)
    expected = steps or required_steps(equation, field, time, courant * RK4.stability)
    stages = None if phases is None else equation.zeros(1, RK4.stages)
    advance, status = _evaluation(evaluation, equation), "completed"
    # of the last complete step, whenever Ctrl-C comes
    state = (0 if earlier is None else len(earlier.times) - 1, field, phases)
    try:
        if times is not None and 0.0 in times:
            snapshots.append(_snapshot(equation, quantity, *state))
        following = leg_steps(equation, field, ends, RK4, start=start, steps=steps, courant=courant, stages=stages)
        total = sum(leg_counts(ends, expected, start))
        for now, dt, after, complete in tqdm(following, total=total, desc="Euler", unit=" steps", disable=not progress):
            if stages is not None and phases is not None:
                phases = advance(phases, stages, dt)
            diagnostics.record(now, after)
            reached = (state[0] + 1, after, phases)
            if complete and times is not None and now in times and now != 0.0:
                snapshots.append(_snapshot(equation, quantity, *reached))
            state = reached
    except KeyboardInterrupt:
        status = "interrupted"
    columns, end = diagnostics.columns(state[0] + 1), _snapshot(equation, quantity, *state)
    nothing = times is None and (earlier is None or earlier.saved is None)
    return EulerSolution(
        field=end.field,
        positions=end.positions,
        grid=grid,
        field_hat=state[1],
        status=status,
        quantity=quantity,
        saved=None if nothing else saved_of(snapshots, end, columns),
        phases=state[2],
        **columns,  # type: ignore[arg-type]
    )


def _check_continued(
    earlier: EulerSolution, grid: Grid, time: float, particles: ArrayLike | None, quantity: str
) -> None:
    """Raise an error if a solution cannot be gone on with in this way."""
    if earlier.grid != grid:
        raise ValueError(f"grid: expected that of the solution, {earlier.grid}; got {grid}. Pass solution.grid.")
    if particles is not None:
        raise ValueError("particles: expected none, a solution has its own; got some. Leave them out.")
    if quantity != earlier.quantity:
        raise ValueError(f"quantity: expected {earlier.quantity!r}, as before; got {quantity!r}. Leave it out.")
    end = float(earlier.times[-1])
    if abs(time) <= abs(end) or time * end < 0:
        raise ValueError(
            f"time: expected one beyond {end:g}, where the solution ends; got {time:g}. It counts from the start."
        )


def _checked_save_times(save_at: ArrayLike, time: float, beyond: float | None) -> FloatArray:
    """Return the times to save, from 0 or beyond a time to `time`, in the order in which they are met."""
    times = np.atleast_1d(checked_array("save_at", save_at)) + 0.0  # zero has no sign
    ahead = times if time >= 0 else -times
    inside = ahead >= 0 if beyond is None else ahead > abs(beyond)
    if times.ndim != 1 or not np.all(inside & (ahead <= abs(time))) or np.any(np.diff(ahead) <= 0):
        first = "from 0" if beyond is None else f"beyond {beyond:g}"
        raise ValueError(
            f"save_at: expected times {first} to time={time:g}, each beyond the one before; got {shown(save_at)}. Sort "
            "them, and leave out those outside."
        )
    return times


def _field_of(equation: Equation, field0: ArrayLike, quantity: str, limit: float | None) -> np.ndarray:
    """Return the kept coefficients of what was given."""
    grid, plane = equation.grid, isinstance(equation, VorticityEquation)
    components = 0 if plane and quantity == "vorticity" else grid.dim
    values = grid.checked_field("field0", field0, components=components)
    if limit is not None:
        if plane and quantity == "velocity" and not grid.walls:
            _check_mean(values, np.asarray(field0).dtype)
        check_dropped(equation, values, quantity, limit)
    if isinstance(equation, VorticityEquation) and quantity == "velocity":
        return equation.projected(equation.from_velocity(values))
    if not isinstance(equation, VorticityEquation) and quantity == "vorticity":
        return equation.from_vorticity(values)
    return equation.analysed(values)


def _check_mean(velocity: FloatArray, dtype: np.dtype) -> None:
    """Raise an error if a velocity of the plane has a mean that its precision, single at least, does not explain."""
    precision = 4 * np.finfo(dtype).eps if dtype.kind == "f" else 0.0
    mean = velocity.mean(axis=(1, 2))
    if np.any(np.abs(mean) > max(_ROUNDED, precision) * np.abs(velocity).max()):
        raise ResolutionError(
            f"field0: expected a velocity without mean; got a mean of {mean}. It only moves the solution along: "
            "subtract it, or set tail_limit=None to have it dropped."
        )


def _evaluation(name: str, equation: Equation) -> Callable[[FloatArray, np.ndarray, float], FloatArray]:
    """Return how particles are advanced by one step, given its stage fields, shape ``(1, stages, ...)``."""
    if checked_choice("evaluation", name, ("splines", "nufft")) == "nufft":
        from eulerot.euler.particles.nonuniform import NonuniformAdvection

        nonuniform = NonuniformAdvection(equation, RK4, equation.threads)
        return lambda phases, stages, dt: nonuniform.advance(phases, stages[0], dt)

    margin = _MARGIN[equation.grid.dim]

    def splines(phases: FloatArray, stages: np.ndarray, dt: float) -> FloatArray:
        return Advection.of(equation, stages, dt, RK4, equation.threads, margin).advance(phases)

    return splines


def _snapshot(equation: Equation, quantity: str, index: int, field: np.ndarray, phases: FloatArray | None) -> Snapshot:
    """Return the field as the quantity that was given, and the particles, after so many steps."""
    plane = isinstance(equation, VorticityEquation)
    if quantity == ("vorticity" if plane else "velocity"):
        values = equation.synthesised(field)
    else:
        values = equation.velocity(field) if isinstance(equation, VorticityEquation) else equation.vorticity(field)
    return Snapshot(index, values, None if phases is None else to_positions(phases, equation.grid))
