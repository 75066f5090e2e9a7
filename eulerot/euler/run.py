"""The loop of a solve: the field and its particles step by step, what is recorded and saved, and who may stop it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from eulerot._cached import kept
from eulerot._ranks import Ranks
from eulerot._types import FloatArray
from eulerot.checks import checked_choice
from eulerot.euler.diagnostics import Diagnostics
from eulerot.euler.equations import Equation, VorticityEquation
from eulerot.euler.integrators import RK4
from eulerot.euler.particles.advection import Advection
from eulerot.euler.particles.phases import to_positions
from eulerot.euler.solution import Snapshot

__all__ = ["Run", "SolverStep", "State"]

# Margins of interpolants with which a velocity of few modes is exact to rounding
_MARGIN = {2: 256, 3: 64}


class State(NamedTuple):
    """The field and the phases of the particles after so many steps, all that the steps to come depend on."""

    step: int
    time: float
    field: np.ndarray
    phases: FloatArray | None


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
        Where what is saved goes.
    callback : callable or None
        Is shown each step, and stops the run by a true answer.
    """

    ranks: Ranks
    equation: Equation
    quantity: str
    diagnostics: Diagnostics
    times: set[float]
    snapshots: list[Snapshot]
    callback: Callable[[SolverStep], object] | None

    def go(
        self,
        state: State,
        following: Iterable[tuple[float, float, np.ndarray, bool]],
        stages: np.ndarray | None,
        *,
        evaluation: str,
        total: int,
        progress: bool,
    ) -> tuple[State, str]:
        """Return the last complete state and the status.

        Parameters
        ----------
        state : State
            The first one.
        following : iterable
            What `leg_steps` yields.
        stages : ndarray, shape (1, stages, ...), or None
            Where the stage fields of the step that was yielded last are, if there are particles.
        evaluation : {"splines", "nufft"}
            How the velocity at particles is summed.
        total : int
            About how many steps there are.
        progress : bool
            Whether to show a progress bar.
        """
        advance = _evaluation(evaluation, self.equation)
        try:
            for now, dt, after, complete in tqdm(
                following, total=total, desc="Euler", unit=" steps", disable=not progress or self.ranks.number > 0
            ):
                phases = state.phases
                if stages is not None and phases is not None:
                    phases = advance(phases, stages, dt)
                self.diagnostics.record(now, after)
                reached = State(state.step + 1, now, after, phases)
                if complete and now in self.times:
                    self.snapshots.append(self.snapshot(reached))
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
        equation = self.equation
        if self.quantity == ("vorticity" if equation.grid.dim == 2 else "velocity"):
            values = equation.synthesised(state.field)
        elif isinstance(equation, VorticityEquation):
            values = equation.velocity(state.field)
        else:
            values = equation.vorticity(state.field)
        positions = None if state.phases is None else to_positions(self.ranks.joined(state.phases), equation.grid)
        return Snapshot(state.step, values, positions)

    def _shown(self, state: State, dt: float) -> SolverStep:
        energy, enstrophy, tail = (self.diagnostics.last(name) for name in ("energy", "enstrophy", "tail"))
        return SolverStep(
            state.step, state.time, dt, energy, enstrophy, tail, state.field, lambda: self.snapshot(state)
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
