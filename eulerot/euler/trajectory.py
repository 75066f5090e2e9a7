"""Field and particles advanced together, and the exact adjoint of all their steps, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

import numpy as np

from eulerot._ranks import ALONE, Ranks
from eulerot._types import FloatArray
from eulerot.euler.equations import Equation
from eulerot.euler.integrators import RungeKutta, Tableau
from eulerot.euler.particles.advection import Advection, Record
from eulerot.euler.particles.interpolant import interpolant_size
from eulerot.euler.stepping import time_steps

__all__ = ["Trajectory"]

# Bytes that may be kept for the adjoint; beyond them only checkpoints are kept
MEMORY = 2**29

# The field at the end, those of all stages, and the advection by them
Ahead: TypeAlias = tuple[np.ndarray, np.ndarray, Advection]


@dataclass
class _Piece:
    """A stretch of steps: the state at its start, and what its adjoint needs, unless that is computed again."""

    steps: int
    field: np.ndarray
    phases: FloatArray
    stages: np.ndarray | None = None
    advection: Advection | None = None
    record: Record | None = None


@dataclass(frozen=True)
class Trajectory:
    """A field and its particles in equal steps of one Runge-Kutta scheme, and the adjoint; equations (6) to (11).

    A field does not depend on its particles, so the stages of a stretch of steps are computed first and the particles
    follow in blocks; the numbers are those of advancing both at once. Particles are given by their phases. The adjoint
    keeps the stage fields, and the phases at the start of each step, if they fit into `memory`, and otherwise the state
    at the start of each stretch, from which it computes the stretch again.

    Parameters
    ----------
    equation : Equation
        The equation, with its grid.
    tableau : Tableau
        The scheme.
    time : float
        Duration; negative to go back.
    steps : int
        Steps.
    threads : int
        Threads over particles. Results do not depend on it.
    memory : int
        Bytes that may be kept.
    ranks : Ranks
        The processes that share the particles. Each has all of the field.
    """

    equation: Equation
    tableau: Tableau
    time: float
    steps: int
    threads: int = 1
    memory: int = field(default=MEMORY, repr=False)
    ranks: Ranks = field(default=ALONE, repr=False)

    def advection(self, start: np.ndarray) -> tuple[np.ndarray, Advection]:
        """Return the final field, and the advection of particles through all steps."""
        end, stages = self.stages(start)
        return end, self._advection(stages)

    def stages(self, start: np.ndarray, steps: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Advance the field by some steps, or all; return it and all stage fields, shape ``(steps, stages, ...)``."""
        equation, first = self.equation, self.steps if steps is None else steps
        stages = equation.zeros(first, self.tableau.stages)
        # the speed of the first field decides, and the finite end: a fit must not end at a limit that is nearly kept
        *_, (_, _, end) = time_steps(
            equation, start, self.time, self.steps, self.tableau, first=first, check_every=self.steps, stages=stages
        )
        return end, stages

    def ahead(self, start: np.ndarray, particles: int) -> Ahead | None:
        """Return what `recorded` needs of the field for so many particles, so that it can be computed before.

        None if it is not to be kept as a whole.
        """
        if particles == 0 or len(self._lengths(particles)) > 1:
            return None
        end, stages = self.stages(start)
        advection = self._advection(stages)
        advection.prepare()
        return end, stages, advection

    def recorded(
        self, start: np.ndarray, phases: FloatArray, ahead: Ahead | None = None
    ) -> tuple[np.ndarray, FloatArray, list]:
        """Return the final field, the final phases, and the tape for `adjoint`.

        `phases` may have no rows. See `ahead`.

        Raises
        ------
        ResolutionError
            If the steps are too long for the field.
        """
        tape: list[_Piece] = []
        field, lengths = start, self._lengths(len(phases))
        for number, steps in enumerate(lengths):
            piece = _Piece(steps, field, phases)
            keep = number == len(lengths) - 1  # the adjoint starts there
            field, phases = self._follow(piece, keep=keep, ahead=ahead)
            tape.append(piece)
        return field, phases, tape

    def gradient(
        self, start: np.ndarray, phases: FloatArray, field_bar: np.ndarray | None, phases_bar: FloatArray
    ) -> tuple[np.ndarray, FloatArray]:
        """Return derivatives by the initial field and phases, given those by the final ones; equation (11)."""
        return self.adjoint(self.recorded(start, phases)[2], field_bar, phases_bar)

    def adjoint(
        self, tape: list, field_bar: np.ndarray | None, phases_bar: FloatArray
    ) -> tuple[np.ndarray, FloatArray]:
        """Return derivatives by the initial field and phases, given those by the final ones; equation (11).

        Derivatives by fields are fields, which represent them in the inner product ``mean(a b)``. The tape is used up.
        """
        by_field, by_phases = self.pulled(tape, field_bar, phases_bar)
        return by_field(), by_phases

    def pulled(
        self, tape: list, field_bar: np.ndarray | None, phases_bar: FloatArray
    ) -> tuple[Callable[[], np.ndarray], FloatArray]:
        """Return the same, the first of them as a function that has yet to go back through the first stretch."""
        scheme, multiplier = RungeKutta(self.equation, self.tableau), self.equation.zeros()
        if field_bar is not None:
            multiplier += field_bar
        waiting: Callable[[], np.ndarray] | None = None
        while tape:
            if waiting:
                waiting()
            piece = tape.pop()
            if piece.stages is None:
                self._follow(piece, keep=True)
            by_carriers = None
            if piece.advection is not None and piece.record is not None:
                by_carriers, phases_bar = piece.advection.pulled(piece.record, phases_bar)
            waiting = partial(self._field_back, scheme, piece.stages, by_carriers, multiplier)
        return waiting or (lambda: multiplier), phases_bar

    def _field_back(
        self,
        scheme: RungeKutta,
        stages: np.ndarray,
        by_carriers: Callable[[], np.ndarray] | None,
        multiplier: np.ndarray,
    ) -> np.ndarray:
        """Take a multiplier of the field back through a stretch, in place, and return it."""
        equation = self.equation
        sources = None
        if by_carriers is not None:
            sources = equation.carrier(equation.grid.part_of(by_carriers())).reshape(stages.shape)
        for n in reversed(range(len(stages))):
            source = None if sources is None else sources[n]
            scheme.adjoint_step(stages[n], multiplier, self.time / self.steps, source)
        return multiplier

    def _lengths(self, particles: int) -> list[int]:
        """Return the number of steps in each stretch: all in one, or about the root of their number."""
        # of each stage the field, its carrier, and the coefficients of the interpolant
        grid = self.equation.grid.whole  # so that processes that share it have the same stretches
        components = 1 if grid.dim == 2 else 3
        fields = 2 * components * int(np.prod(grid.shape_hat)) * np.dtype(grid.dtype_hat).itemsize
        stage_bytes = fields + 8 * interpolant_size(grid)
        step_bytes = self.tableau.stages * stage_bytes + 8 * grid.dim * particles
        if self.steps * step_bytes <= self.memory:
            return [self.steps]
        most = max(1, min(self.memory // step_bytes, int(np.ceil(np.sqrt(self.steps)))))
        return [min(most, self.steps - start) for start in range(0, self.steps, most)]

    def _follow(self, piece: _Piece, *, keep: bool, ahead: Ahead | None = None) -> tuple[np.ndarray, FloatArray]:
        """Advance field and particles through a stretch; `keep` what its adjoint needs."""
        end, stages, advection = (*self.stages(piece.field, piece.steps), None) if ahead is None else ahead
        phases = piece.phases
        if keep:
            piece.stages = stages
        if len(phases) == 0:
            return end, phases
        advection = advection or self._advection(stages)
        if not keep:
            return end, advection.advance(phases)
        phases, piece.record = advection.advance_recorded(phases)
        piece.advection = advection
        return end, phases

    def _advection(self, stages: np.ndarray) -> Advection:
        dt = self.time / self.steps
        return Advection.of(self.equation, stages, dt, self.tableau, self.threads, ranks=self.ranks)
