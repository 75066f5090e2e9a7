"""Particles carried by a truncated field: the flow map, its Jacobian and its adjoint; equations (8) and (10)."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from eulerot._cached import kept
from eulerot._ranks import ALONE, Ranks
from eulerot._threads import run_tasks
from eulerot._types import FloatArray
from eulerot.euler.equations import Equation
from eulerot.euler.grid import Grid
from eulerot.euler.integrators import Tableau
from eulerot.euler.particles import _kernels
from eulerot.euler.particles._kernels_lanes import LANES
from eulerot.euler.particles.interpolant import MARGIN, interpolant, interpolant_size, interpolant_transposed
from eulerot.euler.particles.ordering import by_neighbourhood
from eulerot.euler.particles.schemes import EqualSteps, runge_kutta

__all__ = ["Advection", "Record"]

# Partial sums are formed by chunk and added in order, so that results do not depend on the number of threads; a third
# chunk of less than so many blocks takes longer to add than to sum, and a second one of less than so few
_CHUNKS, _BLOCKS, _FEW_BLOCKS = 16, 32, 8
# Where nothing is added, the fewest blocks of a piece
_PIECE = 4
# Bytes of coefficients at a time, which stay in the cache and whose memory is used again, and the most that are kept
_STRETCH, _MEMORY = 2**22, 2**28


@dataclass(frozen=True)
class Record:
    """What the adjoint needs: the order of all particles, and phases of this process's own, by stretches of steps."""

    order: np.ndarray
    starts: list[FloatArray]


@dataclass(frozen=True)
class _Stretch:
    """Some of the steps, which of all velocities are theirs, and their weights, columns by fours as loops take them."""

    velocities: slice
    steps: EqualSteps
    weights: FloatArray


@dataclass(frozen=True)
class Advection:
    """Particles carried by the fields that the stages of their steps see, in the plane or in space.

    Particles are given by their phases, see `to_phases`. Their velocity comes from an interpolant of its potential, see
    `eulerot.euler.particles.interpolant`.

    Parameters
    ----------
    grid : Grid
        Domain and truncation.
    carriers : ndarray, shape (velocities, *grid.shape_hat) or (velocities, 3, *grid.shape_hat)
        Kept coefficients of the stream function, or in space of the velocity, at each stage of one step after another.
    steps : tuple of EqualSteps
        The steps.
    threads : int
        Threads over particles. Results do not depend on it.
    margin : int
        The margin of the interpolant.
    ranks : Ranks
        The processes that share the particles, all of which are given to each. Results do not depend on them.
    """

    grid: Grid
    carriers: np.ndarray
    steps: tuple[EqualSteps, ...]
    threads: int = 1
    margin: int = MARGIN
    ranks: Ranks = ALONE

    @classmethod
    def of(
        cls,
        equation: Equation,
        stages: np.ndarray,
        dt: float,
        tableau: Tableau,
        threads: int = 1,
        margin: int = MARGIN,
        ranks: Ranks = ALONE,
    ) -> Advection:
        """Return the advection by an equation's fields at Runge-Kutta stages, shape ``(steps, stages, ...)``."""
        grid, steps = equation.grid, runge_kutta(tableau, len(stages), dt)
        carriers = grid.assembled(equation.carrier(stages.reshape(-1, *stages.shape[2:])))
        return cls(grid.whole, carriers, steps, threads, margin, ranks)

    def coarser(self) -> Advection:
        """Return the advection by interpolants with 2.5 nodes a mode, not four: for few particles they take longest.

        Two maps by such interpolants differ as those by others do.
        """
        return replace(self, margin=self.margin - 3 * max(self.grid.modes) // 2)

    def advance(self, phases: FloatArray) -> FloatArray:
        """Return the phases at the end."""
        return self._advanced(phases)[0]

    def advance_watched(self, phases: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the phases at the end, and the most by which a step of Adams' scheme corrected each particle.

        The velocity at predicted positions corrects them. By how much is here of the sine of the angle with the nearest
        wall, next to which latents move as far as the logarithm of the angle does. Shape ``(n,)``.
        """
        ends, record, corrections = self._advanced(phases, watched=True)
        return ends, _from_lanes(self.ranks.joined(corrections), record.order)[:, 0]

    def advance_recorded(self, phases: FloatArray) -> tuple[FloatArray, Record]:
        """Return the phases at the end, and what `adjoint` needs."""
        return self._advanced(phases, recorded=True)[:2]

    def advance_jacobian(self, phases: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the phases at the end and the Jacobians ``DX`` there, by the variational equation."""
        n, dim = phases.shape
        end = self._advanced(np.concatenate([phases, np.tile(np.eye(dim).ravel(), (n, 1))], axis=1))[0]
        return end[:, :dim], end[:, dim:].reshape(n, dim, dim)

    def log_abs_det(self, phases: FloatArray) -> FloatArray:
        """Return ``log |det DX|`` at the phases, shape ``(n,)``, zero but for discretisation; equation (16)."""
        return np.log(np.abs(np.linalg.det(self.advance_jacobian(phases)[1])))

    def adjoint(self, record: Record, multiplier: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return derivatives by the carriers, and by the starting phases; equation (10).

        Parameters
        ----------
        record : Record
            What `advance_recorded` returned.
        multiplier : ndarray, shape (n, d)
            Derivative of the objective by the phases at the end.
        """
        by_carriers, by_starts = self.pulled(record, multiplier)
        return by_carriers(), by_starts

    def pulled(self, record: Record, multiplier: FloatArray) -> tuple[Callable[[], np.ndarray], FloatArray]:
        """Return the same, the first of them as a function that has yet to compute the first stretch's."""
        chunks, own = self._chunks(len(record.order))
        lanes = _to_lanes(multiplier, record.order)[own]
        handed, carriers_bar = self._handed(lanes), np.empty_like(self.carriers)
        handed[:] = 0.0

        def fill(velocities: slice, coefs_bar: FloatArray, drift_bar: FloatArray) -> np.ndarray:
            carriers_bar[velocities] = interpolant_transposed(
                coefs_bar, drift_bar, self.grid, margin=self.margin, threads=self.threads
            )
            return carriers_bar

        waiting: Callable[[], np.ndarray] | None = None
        for stretch, starts in zip(reversed(self._stretches), reversed(record.starts), strict=True):
            if waiting:
                waiting()
            waiting = partial(fill, stretch.velocities, *self._adjoint(stretch, starts, lanes, handed, chunks))
        return waiting or (lambda: carriers_bar), _from_lanes(self.ranks.joined(lanes), record.order)

    def prepare(self) -> None:
        """Compute the coefficients of the interpolants, which are kept unless they are too many."""
        for stretch in self._stretches:
            self._fields(stretch.velocities, keep=True)

    def _handed(self, lanes: FloatArray) -> FloatArray:
        """Return room for the slopes of each block that later steps ask for."""
        return np.empty((len(lanes), max(each.past for each in self.steps), *lanes.shape[1:]))

    def _adjoint(
        self, stretch: _Stretch, starts: FloatArray, lanes: FloatArray, handed: FloatArray, chunks: list[slice]
    ) -> tuple[FloatArray, FloatArray]:
        """Take multipliers back through a stretch of steps, in place; return derivatives by coefficients and drifts."""
        fields, scheme = self._fields(stretch.velocities, keep=True), self._scheme(stretch)

        def work(chunk: slice) -> tuple[FloatArray, FloatArray]:
            bars = np.zeros_like(fields[0]), np.zeros_like(fields[1])
            _kernels.adjoint(starts[chunk], lanes[chunk], handed[chunk], *fields, *scheme, *bars)
            return bars

        tasks = [partial(work, chunk) for chunk in chunks]
        if self.ranks.size > 1:
            coefs_bars, drift_bars = zip(*run_tasks(tasks, self.threads), strict=True) if tasks else ((), ())
            return self.ranks.summed(coefs_bars, fields[0]), self.ranks.summed(drift_bars, fields[1])
        totals: tuple[FloatArray, FloatArray] | None = None
        for first in range(0, len(tasks), self.threads):  # no more sums at a time than threads: they may be large
            for parts in run_tasks(tasks[first : first + self.threads], self.threads):
                if totals is None:
                    totals = parts
                    continue
                for total, each in zip(totals, parts, strict=True):
                    total += each
        return totals or (np.zeros_like(fields[0]), np.zeros_like(fields[1]))

    def _advanced(
        self, state: FloatArray, *, recorded: bool = False, watched: bool = False
    ) -> tuple[FloatArray, Record, FloatArray]:
        """Return the states at the end, what is recorded of them, and as lanes their corrections, if watched."""
        order = by_neighbourhood(state[:, : self.grid.dim], self.grid)
        chunks, own = self._chunks(len(state))
        pieces = self._pieces(own.stop - own.start, len(chunks))
        lanes, starts = _to_lanes(state, order)[own], []
        handed, corrections = self._handed(lanes), np.zeros((len(lanes), int(watched), LANES))
        for stretch in self._stretches:
            room = np.empty((len(lanes), stretch.steps.count if recorded else 0, self.grid.dim, LANES))
            given = (*self._fields(stretch.velocities, keep=recorded), *self._scheme(stretch))

            def work(piece: slice, given: tuple = given, room: FloatArray = room) -> None:
                _kernels.advance(lanes[piece], handed[piece], *given, room[piece], corrections[piece])

            run_tasks([partial(work, piece) for piece in pieces], self.threads)
            starts.append(room)
        return _from_lanes(self.ranks.joined(lanes), order), Record(order, starts), corrections

    def _chunks(self, particles: int) -> tuple[list[slice], slice]:
        """Return the chunks of the blocks of this process, counted from its first, and which of all blocks these are.

        How particles are cut into blocks and chunks depends on their number alone.
        """
        blocks = -(-particles // LANES)
        count = max(-(-blocks // _BLOCKS), min(2, blocks // _FEW_BLOCKS))
        edges = np.linspace(0, blocks, min(count, _CHUNKS) + 1).astype(int)
        shares = self.ranks.edges(len(edges) - 1)
        mine = edges[shares[self.ranks.number] : shares[self.ranks.number + 1] + 1]
        return [slice(a, b) for a, b in itertools.pairwise(mine - mine[0])], slice(mine[0], mine[-1])

    def _pieces(self, blocks: int, chunks: int) -> list[slice]:
        """Return pieces of the blocks of this process, none small: as many as chunks or more, for all threads alike."""
        count = -(-chunks // self.threads) * self.threads
        edges = np.linspace(0, blocks, min(count, max(1, blocks // _PIECE)) + 1).astype(int)
        return [slice(a, b) for a, b in itertools.pairwise(edges)]

    @kept
    def _stretches(self) -> list[_Stretch]:
        """The steps, by stretches whose coefficients are not many."""
        stretches, first = [], 0
        for each in self.steps:
            most = max(1, _STRETCH // (each.stages * self._bytes))
            weights = np.pad(each.weights, ((0, 0), (0, -each.weights.shape[1] % 4)))
            for begun in range(0, each.count, most):
                steps = replace(each, count=min(most, each.count - begun))
                last = first + steps.count * steps.stages
                stretches.append(_Stretch(slice(first, last), steps, weights))
                first = last
        return stretches

    @property
    def _bytes(self) -> int:
        """Return the size of the coefficients of one velocity."""
        return 8 * interpolant_size(self.grid, self.margin)

    def _fields(self, velocities: slice, *, keep: bool) -> tuple[FloatArray, FloatArray]:
        """Return the coefficients of the interpolants of a stretch, and the drifts.

        They are kept from the second use on, or the first with `keep`, unless they are too many: a map that is used
        once, for few particles, takes longer to get the memory than to compute them.
        """
        begun = self._kept_fields
        found = begun.get(velocities.start)
        if found is None:
            found = interpolant(self.carriers[velocities], self.grid, margin=self.margin, threads=self.threads)
            again = keep or velocities.start in begun or len(self._stretches) == 1
            begun[velocities.start] = found if again and len(self.carriers) * self._bytes <= _MEMORY else None
        return found

    @kept
    def _kept_fields(self) -> dict[int, tuple[FloatArray, FloatArray] | None]:
        """What `_fields` has kept, by the first velocity of a stretch; None after the first use."""
        return {}

    def _scheme(self, stretch: _Stretch) -> tuple[FloatArray, int, float, bool]:
        """Return the weights of a stretch, slopes of the past, the step, and whether there are walls."""
        return stretch.weights, stretch.steps.past, stretch.steps.dt, self.grid.walls


def _to_lanes(rows: FloatArray, order: np.ndarray) -> FloatArray:
    """Return ``(n, r)`` rows in an order as blocks of lanes, shape ``(blocks, r, LANES)``, zeros filling the last one.

    Zero serves states and multipliers alike: a particle at the origin goes nowhere bad, a multiplier of zero adds
    nothing.
    """
    n, r = rows.shape
    blocks = -(-n // LANES)
    full = np.empty((blocks * LANES, r))
    np.take(rows, order, axis=0, out=full[:n], mode="clip")  # other modes take a copy
    full[n:] = 0.0
    return np.ascontiguousarray(full.reshape(blocks, LANES, r).swapaxes(1, 2))


def _from_lanes(lanes: FloatArray, order: np.ndarray) -> FloatArray:
    """Return the rows of blocks of lanes, the inverse of `_to_lanes`."""
    rows = np.empty((len(order), lanes.shape[1]))
    for column in range(lanes.shape[1]):  # one at a time is three times as fast
        rows[order, column] = lanes[:, column].ravel()[: len(order)]
    return rows
