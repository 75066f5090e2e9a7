"""The solver on its own: evolve a field by the Euler equations, and particles with it, and keep its invariants."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from eulerot._ranks import Ranks
from eulerot._types import FloatArray
from eulerot.checks import checked_array, checked_choice, checked_count, checked_number
from eulerot.checks.scalars import shown
from eulerot.errors import ResolutionError
from eulerot.euler.diagnostics import Diagnostics
from eulerot.euler.dropped import check_dropped
from eulerot.euler.equations import Equation, VorticityEquation, equation_of
from eulerot.euler.grid import Grid, checked_grid
from eulerot.euler.legs import StepControl, leg_ends
from eulerot.euler.particles.phases import to_phases
from eulerot.euler.particles.steps import EVALUATIONS
from eulerot.euler.run import Run, SolverStep
from eulerot.euler.shared_grid import shared
from eulerot.euler.solution import EulerSolution, Snapshot, State, coefficients_of
from eulerot.euler.store import SolutionStore, checked_store, read_store

if TYPE_CHECKING:
    from mpi4py import MPI

__all__ = ["EulerSolution", "SolverStep", "solve_euler"]

_QUANTITIES = ("vorticity", "velocity")
_SHARE = ("a share in (0, 1]", lambda share: 0 < share <= 1)
# A velocity whose mean was subtracted in single precision has one of this share of its largest value at most
_ROUNDED = 1e-6


def solve_euler(
    field0: ArrayLike | EulerSolution | str | os.PathLike[str],
    grid: Grid,
    *,
    time: float,
    steps: int | None = None,
    threads: int = 1,
    particles: ArrayLike | None = None,
    quantity: str | None = None,
    evaluation: str = "splines",
    courant: float | None = None,
    tolerance: float | None = None,
    tail_limit: float | None = 1e-2,
    save_at: ArrayLike | None = None,
    store: str | os.PathLike[str] | None = None,
    casimirs_every: int | None = None,
    callback: Callable[[SolverStep], object] | None = None,
    progress: bool = False,
    comm: MPI.Intracomm | None = None,
) -> EulerSolution:
    """Evolve a field by the incompressible Euler equations, equations (6) to (8).

    Parameters
    ----------
    field0 : array_like, EulerSolution or path-like
        In two dimensions the vorticity ``omega = v_x - u_y`` at the grid points, shape `grid.points`; in three the
        velocity, shape ``(3, *grid.points)``. What no solution on the grid has is dropped: modes beyond the
        truncation, a mean vorticity, a divergence, what crosses the walls. `tail_limit` bounds how much that may be.
        A solution is gone on with from its end, with its particles and its quantity: what is returned holds it from its
        start. If `save_at` of a run in one go has the time at which it ends, the bits are those of that run. The path
        of a store stands for the solution at the last time that was saved in it.
    grid : Grid
        Domain and truncation.
    time : float
        Duration, that of a solution gone on with included; negative to go back.
    steps : int, optional
        Runge-Kutta steps of fourth order over the duration; by default as many as `courant` or `tolerance` asks for.
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
    courant : float, optional
        The step in shares of the longest stable one, a half by default, where `steps` is not given.
    tolerance : float, optional
        In place of `steps` and `courant`: steps of fifth order (Dormand and Prince), as long as keeps the error of each
        below the tolerance, and errors at the end proportional to it. The error of the field is the root mean square of
        its vorticity, in shares of that of the field; the error of particles the largest, as a share of a side of a box
        times ``pi``, or of a period times ``2 pi``.
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
        its end; those that it saved are kept, and may be named again.
    store : path-like, optional
        A Zarr store to make, which holds what is saved instead of memory, and is written as it is saved: whatever ends
        the process, the store is what `EulerSolution.to_xarray` returns of all that was completed, and may be gone on
        with. Without `save_at` the end is saved. Nothing may be at the path but the store of what is gone on with. With
        `comm` the first process writes it, and all read it: it must be in a folder that all of them see.
    casimirs_every : int, optional
        Steps from one measurement of the Casimirs of the plane to the next, counted from the start; each takes a
        transform. In any case they are measured at the start, at the times of `save_at` and at the end; at the other
        steps they are not a number. Energy, enstrophy, helicity and tail take one pass over the coefficients, and are
        measured at every step.
    callback : callable, optional
        Is called with a `SolverStep` after each step, and ends the solution there by a true answer.
    progress : bool
        Whether to show a progress bar.
    comm : mpi4py.MPI.Intracomm, optional
        The processes that solve together, each of which makes this same call: they share the field by slabs of the
        grid, and the particles. Every one returns the whole solution, to the last bit that of one process. An error or
        Ctrl-C on one of them ends all alike. A grid of few points each of them solves for itself.

    Returns
    -------
    EulerSolution
        The field at the end, the invariants at every step (Casimirs as `casimirs_every` says), and what was saved.
        Ctrl-C ends the solution with what there is.

    Raises
    ------
    ValueError
        If an argument does not fit, or an array is not finite.
    FormatError
        If `field0` is the path of something that is no store of a solution.
    ResolutionError
        If the steps are too long for the scheme to be stable, if the field is under-resolved, or if too much of it
        would be dropped.
    ImportError
        If there is a `comm`, and mpi4py is missing.

    See Also
    --------
    eulerot.EulerSolution : What a solve returns.
    eulerot.Grid : Domain and truncation.
    eulerot.Geodesic : A geodesic and its flow map.

    References
    ----------
    C. Basdevant, J. Comput. Phys. 50:209 (1983), https://doi.org/10.1016/0021-9991%2883%2990064-5.
    J. R. Dormand, P. J. Prince, J. Comput. Appl. Math. 6:19 (1980), https://doi.org/10.1016/0771-050X%2880%2990013-3.
    A. H. Barnett, J. Magland, L. af Klinteberg, SIAM J. Sci. Comput. 41:C479 (2019), https://doi.org/10.1137/18M120885X.

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
    with Ranks(comm) as ranks:
        time, control = checked_number("time", time), StepControl(steps, courant, tolerance)
        if tail_limit is not None:
            tail_limit = checked_number("tail_limit", tail_limit, f"{_SHARE[0]}, or None for no limit", _SHARE[1])
        checked_choice("evaluation", evaluation, EVALUATIONS)
        equation = equation_of(shared(checked_grid(grid), ranks), threads=checked_count("threads", threads))
        casimirs_every = _checked_casimirs(casimirs_every, grid)
        earlier = _earlier(field0)
        target = None if store is None else ranks.by_first(partial(checked_store, store, earlier))
        given = ("vorticity" if grid.dim == 2 else "velocity") if earlier is None else earlier.quantity
        quantity = checked_choice("quantity", given if quantity is None else quantity, _QUANTITIES)
        if earlier is not None:
            _check_continued(earlier, grid, time, particles, quantity)
        times = _checked_save_times(([] if store is None else time) if save_at is None else save_at, time, earlier)
        ranks.check_same(
            grid=grid, time=time, quantity=quantity, evaluation=evaluation, tail_limit=tail_limit,
            save_at=times.tolist(), casimirs_every=casimirs_every, **asdict(control),
        )  # fmt: skip
        state = _start(ranks, equation, field0 if earlier is None else earlier, particles, quantity, tail_limit)
        diagnostics = Diagnostics(equation, tail_limit, casimirs_every, earlier)
        saved = set(times.tolist()) - {0.0}
        run = Run(ranks, equation, quantity, diagnostics, saved, [], None, None, _checked_callback(callback))
        if earlier is None:
            diagnostics.record(0.0, state.field, casimirs=True)
        run = _with_what_was_saved(run, state, earlier, target, from_start=0.0 in times)
        ends = leg_ends(times, time, state.time)
        state, status = run.go(state, ends, control, evaluation=evaluation, progress=progress)
        saving = save_at is not None or run.store is not None or (earlier is not None and earlier.saved is not None)
        return _solution(run, state, status, saving=saving)


def _start(
    ranks: Ranks,
    equation: Equation,
    field0: object,
    particles: ArrayLike | None,
    quantity: str,
    tail_limit: float | None,
) -> State:
    """Return the state to start from, of which each process has its part."""
    grid = equation.grid
    if isinstance(field0, EulerSolution):
        step, time, whole, phases = len(field0.times) - 1, float(field0.times[-1]), field0.field_hat, field0.phases
        field = grid.part_of(whole).copy()
    else:
        step, time, whole = 0, 0.0, _checked_field(equation, field0, quantity)  # type: ignore[arg-type]
        field = _field_of(equation, whole, np.asarray(field0).dtype, quantity, tail_limit)
        phases = None if particles is None else to_phases(grid.checked_positions("particles", particles), grid)
    ranks.check_same(field0=whole, particles=phases)
    if phases is not None:
        phases = phases[slice(*ranks.edges(len(phases))[ranks.number : ranks.number + 2])]
    return State(step, time, field, phases)


def _solution(run: Run, state: State, status: str, *, saving: bool) -> EulerSolution:
    """Return the whole solution, on every process."""
    run.diagnostics.end(state.step, state.field)
    columns, end, grid = run.diagnostics.columns(state.step + 1), run.snapshot(state), run.equation.grid
    return EulerSolution(
        field=end.field,
        positions=end.positions,
        grid=grid.whole,
        field_hat=grid.assembled(state.field),
        status=status,
        quantity=run.quantity,
        saved=run.saved(end, columns) if saving else None,
        phases=None if state.phases is None else run.ranks.joined(state.phases),
        store=run.store,
        **columns,  # type: ignore[arg-type]
    )


def _earlier(field0: object) -> EulerSolution | None:
    """Return the solution that is gone on with, if `field0` is one or the path of its store."""
    if isinstance(field0, str | os.PathLike):
        return read_store(field0)
    return field0 if isinstance(field0, EulerSolution) else None


def _with_what_was_saved(
    run: Run, state: State, earlier: EulerSolution | None, target: Path | None, *, from_start: bool
) -> Run:
    """Return a run that keeps what it saves with what was saved before, in memory or in the store at a path."""
    before: Iterable[Snapshot] = [run.snapshot(state)] if earlier is None and from_start else []
    if earlier is not None and earlier.saved is not None:
        before = earlier.saved.snapshots()
    if target is None:
        return replace(run, snapshots=list(before))
    if earlier is not None and earlier.store == target:
        opened = partial(SolutionStore, target)
    else:
        shown, whole, columns = run.snapshot(state), run.whole(state), run.diagnostics.columns(state.step + 1)
        grid = run.equation.grid.whole
        opened = partial(SolutionStore.create, target, grid, run.quantity, shown, whole, columns, before)
    writer = opened() if run.ranks.number == 0 else None
    run.ranks.agree("store")
    return replace(run, store=target, writer=writer)


def _checked_casimirs(every: int | None, grid: Grid) -> int | None:
    """Return every how many steps to measure the Casimirs of the plane, or None."""
    if every is not None and grid.dim == 3:
        raise ValueError(f"casimirs_every: expected None in three dimensions; got {shown(every)}. Leave it out.")
    return None if every is None else checked_count("casimirs_every", every)


def _checked_callback(callback: object) -> Callable[[SolverStep], object] | None:
    """Return what can be called with a step, or None."""
    if callback is not None and not callable(callback):
        raise ValueError(f"callback: expected a function of a step, or None; got {shown(callback)}.")
    return callback


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


def _checked_save_times(save_at: ArrayLike, time: float, earlier: EulerSolution | None) -> FloatArray:
    """Return the times to save, from 0 or beyond the end of a solution to `time`, in the order in which they are met.

    Those that the solution has saved are left out.
    """
    beyond = None if earlier is None else float(earlier.times[-1])
    times = np.atleast_1d(checked_array("save_at", save_at)) + 0.0  # zero has no sign
    if earlier is not None and earlier.saved is not None:
        times = times[~np.isin(times, earlier.saved.times)]
    ahead = times if time >= 0 else -times
    inside = ahead >= 0 if beyond is None else ahead > abs(beyond)
    if times.ndim != 1 or not np.all(inside & (ahead <= abs(time))) or np.any(np.diff(ahead) <= 0):
        first = "from 0" if beyond is None else f"beyond {beyond:g}"
        raise ValueError(
            f"save_at: expected times {first} to time={time:g}, each beyond the one before; got {shown(save_at)}. Sort "
            "them, and leave out those outside."
        )
    return times


def _checked_field(equation: Equation, field0: ArrayLike, quantity: str) -> FloatArray:
    """Return the grid values of what was given."""
    grid = equation.grid
    components = 0 if isinstance(equation, VorticityEquation) and quantity == "vorticity" else grid.dim
    return grid.checked_field("field0", field0, components=components)


def _field_of(
    equation: Equation, values: FloatArray, dtype: np.dtype, quantity: str, limit: float | None
) -> np.ndarray:
    """Return the kept coefficients of grid values that were given in some precision."""
    plane = isinstance(equation, VorticityEquation)
    if limit is not None:
        if plane and quantity == "velocity" and not equation.grid.walls:
            _check_mean(values, dtype)
        check_dropped(equation, values, quantity, limit)
    return coefficients_of(equation, values, quantity)


def _check_mean(velocity: FloatArray, dtype: np.dtype) -> None:
    """Raise an error if a velocity of the plane has a mean that its precision, single at least, does not explain."""
    precision = 4 * np.finfo(dtype).eps if dtype.kind == "f" else 0.0
    mean = velocity.mean(axis=(1, 2))
    if np.any(np.abs(mean) > max(_ROUNDED, precision) * np.abs(velocity).max()):
        raise ResolutionError(
            f"field0: expected a velocity without mean; got a mean of {mean}. It only moves the solution along: "
            "subtract it, or set tail_limit=None to have it dropped."
        )
