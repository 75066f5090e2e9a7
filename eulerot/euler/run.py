"""The loop of a solve: the field and its particles step by step, what is recorded and saved, and who may stop it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from eulerot._cached import kept
from eulerot._progress import progress_of
from eulerot._ranks import Ranks
from eulerot._types import FloatArray
from eulerot.euler.diagnostics import Diagnostics
from eulerot.euler.equations import Equation
from eulerot.euler.legs import StepControl, leg_steps
from eulerot.euler.particles.phases import to_positions
from eulerot.euler.particles.steps import ParticleSteps
from eulerot.euler.solution import Saved, Snapshot, State, saved_of, shown_field
from eulerot.euler.store import SolutionStore, saved_in

__all__ = ["Run", "SolverStep"]


@dataclass(frozen=True, eq=False)
class SolverStep:
    """A step of `solve_euler`, as its callback sees it.

    Attributes
    ----------
    number : int
        How many steps have been taken, this one included.
    time, dt : float
        The time after it, and its length.
    energy, enstrophy, tail : float
        As in `EulerSolution`, after it.
    field_hat : ndarray
        Kept coefficients of the field. The steps to come write over them: copy what is to stay.
    field : ndarray
        The field at the grid points, the quantity that was given; computed when it is asked for, which must be while
        the callback runs.
    positions : ndarray, shape (n, d), or None
        The particles.

    See Also
    --------
    eulerot.solve_euler : Solve the Euler equations.

    Examples
    --------
    >>> from eulerot import Grid, solve_euler
    >>> field0, grid = np.cos(Grid((8, 8)).mesh()[0]), Grid((8, 8))
    >>> solution = solve_euler(field0, grid, time=1.0, steps=4, callback=lambda step: step.time >= 0.5)
    >>> solution.status, solution.times[-1]
    ('stopped', np.float64(0.5))
    """

    number: int
    time: float
    dt: float
    energy: float
    enstrophy: float
    tail: float
    field_hat: np.ndarray = field(repr=False)
    _compute: Callable[[], Snapshot] = field(repr=False)

    @kept
    def _snapshot(self) -> Snapshot:
        return self._compute()

    @property
    def field(self) -> FloatArray:
        """Return the field at the grid points; it is computed now, so ask for it while the callback runs."""
        return self._snapshot.field

    @property
    def positions(self) -> FloatArray | None:
        """Return the particles, on the torus not wrapped."""
        return self._snapshot.positions


@dataclass(frozen=True)
class Run:
    """What a solve does with each of its steps.

    Attributes
    ----------
    ranks : Ranks
        The processes that run, each with its part of the particles.
    equation : Equation
        The equation.
    quantity : {"vorticity", "velocity"}
        What a field is shown and saved as.
    diagnostics : Diagnostics
        Where the invariants go.
    times : set of float
        When to save.
    snapshots : list of Snapshot
        Where what is saved goes, if there is no store.
    store : Path or None
        The Zarr store where it goes instead.
    writer : SolutionStore or None
        What writes to it, on the first process.
    callback : callable or None
        Is shown each step, and stops the run by a true answer.
    """

    ranks: Ranks
    equation: Equation
    quantity: str
    diagnostics: Diagnostics
    times: set[float]
    snapshots: list[Snapshot]
    store: Path | None
    writer: SolutionStore | None
    callback: Callable[[SolverStep], object] | None

    def go(
        self, state: State, ends: list[float], control: StepControl, *, evaluation: str, progress: bool
    ) -> tuple[State, str]:
        """Return the last complete state and the status.

        Parameters
        ----------
        state : State
            The first one.
        ends : list of float
            Where the legs end.
        control : StepControl
            What the steps follow from.
        evaluation : {"splines", "nufft"}
            How the velocity at particles is summed.
        progress : bool
            Whether to show a progress bar.
        """
        equation, stages, moved = self.equation, None, None
        if state.phases is not None:
            stages = equation.zeros(1, control.stages)
            moved = ParticleSteps(evaluation, equation, state.phases, control.pair, self.ranks)
        following = leg_steps(
            equation,
            state.field,
            ends,
            control,
            start=state.time,
            stages=stages,
            misfit=None if moved is None else moved.misfit,
        )
        total = control.expected(equation, state.field, ends, state.time)
        try:
            shown = progress and self.ranks.number == 0
            for now, dt, after, complete in progress_of(following, "solving", "steps", total=total, shown=shown):
                phases = None if moved is None or stages is None else moved.advance(stages[0], dt)
                self.diagnostics.record(now, after, casimirs=complete)
                reached = State(state.step + 1, now, after, phases)
                if complete and now in self.times:
                    self.save(reached)
                self.ranks.agree("step")
                state = reached  # of the last complete step, whenever Ctrl-C comes
                if self.callback is not None and self._stopped(self.callback(self._shown(state, dt))):
                    return state, "stopped"
        except KeyboardInterrupt as interrupt:
            self.ranks.tell(interrupt)
            return state, "interrupted"
        return state, "completed"

    def _stopped(self, answer: object) -> bool:
        """Return whether a callback stops the run, on any process."""
        return self.ranks.largest(float(bool(answer))) > 0

    def snapshot(self, state: State) -> Snapshot:
        """Return the field as the quantity that was given, and the particles."""
        phases = None if state.phases is None else self.ranks.joined(state.phases)
        positions = None if phases is None else to_positions(phases, self.equation.grid)
        return Snapshot(state.step, shown_field(self.equation, state.field, self.quantity), positions)

    def whole(self, state: State) -> State:
        """Return a state of which each process has its part as a whole."""
        phases = None if state.phases is None else self.ranks.joined(state.phases)
        return State(state.step, state.time, self.equation.grid.assembled(state.field), phases)

    def save(self, state: State) -> None:
        """Keep a state in memory or in the store."""
        shown = self.snapshot(state)
        if self.store is None:
            self.snapshots.append(shown)
            return
        whole = self.whole(state)
        if self.writer is not None:
            self.writer.append(shown, whole, self.diagnostics.columns(state.step + 1))

    def saved(self, end: Snapshot, columns: dict[str, FloatArray | None]) -> Saved:
        """Return what was saved up to the end."""
        return saved_of(self.snapshots, end, columns) if self.store is None else saved_in(self.store, end.step)

    def _shown(self, state: State, dt: float) -> SolverStep:
        energy, enstrophy, tail = (self.diagnostics.last(name) for name in ("energy", "enstrophy", "tail"))
        return SolverStep(
            state.step, state.time, dt, energy, enstrophy, tail, state.field, lambda: self.snapshot(state)
        )
