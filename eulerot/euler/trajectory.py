"""Field and particles advanced together, and the exact adjoint of the whole run, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from eulerot._types import FloatArray
from eulerot.errors import ResolutionError
from eulerot.euler.equations import Equation
from eulerot.euler.integrators import RungeKutta, Tableau
from eulerot.euler.particles import Transport

__all__ = ["Trajectory", "check_steps", "march", "required_steps"]

# A fixed step is checked against the field's speed every so many steps
_CHECK_EVERY = 16
# What a run may keep for its adjoint before it keeps checkpoints instead
MEMORY = 2**29


def required_steps(equation: Equation, field: np.ndarray, time: float, stability: float) -> int:
    """Return the least number of steps with ``dt max(sum_i |u_i| K_i) <= stability``."""
    highest = np.array(equation.grid.modes) * equation.grid.scales
    rate = float(np.max(np.einsum("i...,i->...", np.abs(equation.velocity(field)), highest)))
    if not np.isfinite(rate):
        raise ResolutionError("steps: the velocity is no longer finite; raise steps, or take fewer modes.")
    return max(1, int(np.ceil(abs(time) * rate / stability)))


def check_steps(equation: Equation, field: np.ndarray, time: float, steps: int, tableau: Tableau) -> None:
    """Raise `ResolutionError` if the steps are too long for the scheme to be stable with this field."""
    needed = required_steps(equation, field, time, tableau.stability)
    if steps < needed:
        raise ResolutionError(
            f"steps: expected at least {needed} for {tableau.name} to be stable with this field on this grid; got "
            f"{steps}. Raise steps."
        )


def march(
    equation: Equation,
    field: np.ndarray,
    time: float,
    steps: int,
    tableau: Tableau,
    *,
    courant: float | None = None,
    stages: np.ndarray | None = None,
) -> Iterator[tuple[float, float, np.ndarray]]:
    """Yield the time, the step and the field after each step, the field in one of two arrays by turns.

    `stages` then holds the stages of that step. With a `courant` number, steps are kept below that share of the longest
    stable one: where the field speeds up they grow shorter, and there are more of them than `steps`.

    Raises
    ------
    ResolutionError
        If there is no `courant` number and the steps are too long for the scheme to be stable.
    """
    scheme, spare = RungeKutta(equation, tableau), (equation.zeros(), equation.zeros())
    start, dt, done, n = 0.0, time / steps, 0, 0  # steps since `start` have been alike
    while done < steps:
        if courant is None and n % _CHECK_EVERY == 0:
            check_steps(equation, field, time, steps, tableau)
        elif courant is not None and n % _CHECK_EVERY == 0:
            now = start + done * dt
            needed = required_steps(equation, field, time - now, courant * tableau.stability)
            if needed > steps - done:
                start, dt, steps, done = now, (time - now) / needed, needed, 0
        scheme.step(field, dt, spare[n % 2], stages)
        field, n, done = spare[n % 2], n + 1, done + 1
        yield (start + done * dt if done < steps else time), dt, field
    if not np.isfinite(field).all():
        raise ResolutionError(f"steps: the field is no longer finite; got {steps} steps. Raise steps.")


@dataclass
class _Piece:
    """A stretch of steps: the state at its start, and, unless they are to be computed again, what its adjoint needs."""

    steps: int
    field: np.ndarray
    positions: FloatArray
    stages: np.ndarray | None = None
    transport: Transport | None = None
    record: FloatArray | None = None


@dataclass(frozen=True)
class Trajectory:
    """A run of field and particles by one Runge-Kutta scheme, and its adjoint; equations (6) to (11).

    A field does not depend on its particles, so the stages of a stretch of steps are computed first and the particles
    follow in blocks; the numbers are those of advancing both at once. The adjoint keeps the stage fields, and the
    positions at the start of each step, if they fit into `memory`, and otherwise the state at the start of each
    stretch, from which it computes the stretch again.

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
    """

    equation: Equation
    tableau: Tableau
    time: float
    steps: int
    threads: int = 1
    memory: int = field(default=MEMORY, repr=False)

    def transport(self, start: np.ndarray) -> tuple[np.ndarray, Transport]:
        """Return the final field, and the transport of particles through the whole run."""
        end, stages = self.stages(start)
        return end, self._transport(stages)

    def stages(self, start: np.ndarray, steps: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Advance the field by some steps, or all; return it and all stage fields, shape ``(steps, stages, ...)``."""
        equation, steps = self.equation, self.steps if steps is None else steps
        end, stages = start.copy(), equation.zeros(steps, self.tableau.stages)
        check_steps(equation, end, self.time, self.steps, self.tableau)
        scheme = RungeKutta(equation, self.tableau)
        for n in range(steps):
            scheme.step(end, self.time / self.steps, end, stages[n])
        if not np.isfinite(end).all():
            raise ResolutionError(f"steps: the field is no longer finite; got {self.steps} steps. Raise steps.")
        return end, stages

    def run(self, start: np.ndarray, positions: FloatArray) -> tuple[np.ndarray, FloatArray, list]:
        """Return the final field, the final positions, as angles, and the tape for `adjoint`.

        `positions` may have no rows.

        Raises
        ------
        ResolutionError
            If the steps are too long for the field.
        """
        tape: list[_Piece] = []
        field, lengths = start, self._lengths(len(positions))
        for number, steps in enumerate(lengths):
            piece = _Piece(steps, field, positions)
            keep = number == len(lengths) - 1  # the adjoint starts there
            field, positions = self._follow(piece, keep=keep)
            tape.append(piece)
        return field, positions, tape

    def gradient(
        self, start: np.ndarray, positions: FloatArray, field_bar: np.ndarray | None, positions_bar: FloatArray
    ) -> tuple[np.ndarray, FloatArray]:
        """Return derivatives by the initial field and positions, given those by the final ones; equation (11)."""
        return self.adjoint(self.run(start, positions)[2], field_bar, positions_bar)

    def adjoint(
        self, tape: list, field_bar: np.ndarray | None, positions_bar: FloatArray
    ) -> tuple[np.ndarray, FloatArray]:
        """Return derivatives by the initial field and positions, given those by the final ones; equation (11).

        Derivatives by fields are fields, which represent them in the inner product ``mean(a b)``. The tape is used up.
        """
        equation = self.equation
        scheme = RungeKutta(equation, self.tableau)
        multiplier = equation.zeros()
        if field_bar is not None:
            multiplier += field_bar
        while tape:
            piece = tape.pop()
            if piece.stages is None:
                self._follow(piece, keep=True)
            assert piece.stages is not None
            sources = None
            if piece.transport is not None and piece.record is not None:
                carrier_bar, positions_bar = piece.transport.adjoint(piece.record, positions_bar)
                sources = equation.carrier(carrier_bar)
            for n in reversed(range(piece.steps)):
                source = None if sources is None else sources[n]
                scheme.adjoint_step(piece.stages[n], multiplier, self.time / self.steps, source)
        return multiplier, positions_bar

    def _lengths(self, particles: int) -> list[int]:
        """Return the number of steps in each stretch: all in one, or about the root of their number."""
        grid = self.equation.grid
        # of each stage the field, and the coefficients of the velocity, which take as much room a component
        numbers = np.prod(self.equation.shape) + grid.dim * np.prod(grid.shape_hat)
        stage_bytes = int(numbers) * np.dtype(grid.dtype_hat).itemsize
        step_bytes = self.tableau.stages * stage_bytes + 8 * grid.dim * particles
        if self.steps * step_bytes <= self.memory:
            return [self.steps]
        most = max(1, min(self.memory // step_bytes, int(np.ceil(np.sqrt(self.steps)))))
        return [min(most, self.steps - start) for start in range(0, self.steps, most)]

    def _follow(self, piece: _Piece, *, keep: bool) -> tuple[np.ndarray, FloatArray]:
        """Run a stretch from its start; `keep` what its adjoint needs."""
        end, stages = self.stages(piece.field, piece.steps)
        positions = piece.positions
        if keep:
            piece.stages = stages
        if len(positions) == 0:
            return end, positions
        transport = self._transport(stages)
        if not keep:
            return end, transport.advance(positions)
        positions, piece.record = transport.advance_recorded(positions)
        piece.transport = transport
        return end, positions

    def _transport(self, stages: np.ndarray) -> Transport:
        return Transport.of(self.equation, stages, self.time / self.steps, self.tableau, self.threads)
