"""Particles carried by a truncated field: the flow map, its Jacobian and its adjoint; equations (8) and (10)."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np

from eulerot._threads import run_tasks
from eulerot._types import FloatArray
from eulerot.euler.equations import Equation
from eulerot.euler.grid import Grid
from eulerot.euler.integrators import Tableau
from eulerot.euler.particles import _kernels
from eulerot.euler.particles._kernels_basis import LANES
from eulerot.euler.particles.basis import basis_coefficients, basis_field

T = TypeVar("T")

__all__ = ["Advection"]

# Partial sums are formed by chunk and added in order, so that results do not depend on the number of threads
_CHUNKS = 16


@dataclass(frozen=True)
class Advection:
    """Particles carried by given stage fields through equal steps of one Runge-Kutta scheme, in the plane or in space.

    Particles are given by their phases, see `to_phases`.

    Parameters
    ----------
    grid : Grid
        Domain and truncation.
    coefs : ndarray, shape (steps, stages, 2, m, n) or (steps, stages, 3, m, n, o)
        Coefficients of the velocity at each stage, by `basis_coefficients`.
    dt : float
        The step; negative to go back in time.
    tableau : Tableau
        The scheme, the same as the field's.
    threads : int
        Threads over particles. Results do not depend on it.
    """

    grid: Grid
    coefs: FloatArray
    dt: float
    tableau: Tableau
    threads: int = 1

    @classmethod
    def of(cls, equation: Equation, stages: np.ndarray, dt: float, tableau: Tableau, threads: int = 1) -> Advection:
        """Return the advection by an equation's stage fields, shape ``(steps, stages, ...)``."""
        return cls(equation.grid, basis_coefficients(equation.carrier(stages), equation.grid), dt, tableau, threads)

    def advance(self, phases: FloatArray) -> FloatArray:
        """Return the phases at the end."""
        return self._advanced(phases)[0]

    def advance_recorded(self, phases: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the phases at the end, and what `adjoint` needs: the phases at the start of each step."""
        return self._advanced(phases, recorded=True)

    def advance_jacobian(self, phases: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the phases at the end and the Jacobians ``DX`` there, by the variational equation."""
        n, dim = phases.shape
        end = self._advanced(np.concatenate([phases, np.tile(np.eye(dim).ravel(), (n, 1))], axis=1))[0]
        return end[:, :dim], end[:, dim:].reshape(n, dim, dim)

    def log_abs_det(self, phases: FloatArray) -> FloatArray:
        """Return ``log |det DX|`` at the phases, shape ``(n,)``, zero but for discretisation; equation (16)."""
        return np.log(np.abs(np.linalg.det(self.advance_jacobian(phases)[1])))

    def adjoint(self, record: FloatArray, multiplier: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return derivatives by the equation's carrier at each stage, and by the starting phases; equation (10).

        Parameters
        ----------
        record : ndarray
            What `advance_recorded` returned.
        multiplier : ndarray, shape (n, d)
            Derivative of the objective by the phases at the end.
        """
        lanes = _to_lanes(multiplier)
        start = np.empty_like(lanes)

        def work(chunk: slice) -> FloatArray:
            bar = np.zeros_like(self.coefs)
            _kernels.adjoint(record[chunk], lanes[chunk], self.coefs, *self._scheme, start[chunk], bar)
            return bar

        total = np.zeros_like(self.coefs)
        tasks = _by_chunk(work, len(lanes))
        for first in range(0, len(tasks), self.threads):  # no more sums at a time than threads: they may be large
            for part in run_tasks(tasks[first : first + self.threads], self.threads):
                total += part
        return basis_field(total, self.grid), _from_lanes(start, len(multiplier))

    def _advanced(self, state: FloatArray, *, recorded: bool = False) -> tuple[FloatArray, FloatArray]:
        lanes = _to_lanes(state)
        record = np.empty((len(lanes), len(self.coefs) if recorded else 0, self.grid.dim * LANES))

        def work(chunk: slice) -> None:
            _kernels.advance(lanes[chunk], self.coefs, *self._scheme, record[chunk])

        run_tasks(_by_chunk(work, len(lanes)), self.threads)
        return _from_lanes(lanes, len(state)), record

    @property
    def _scheme(self) -> tuple[FloatArray, float, bool]:
        """Return the weights of stages and, in one more row, of the step; the step; whether there are walls."""
        return np.vstack([self.tableau.a, self.tableau.b]), self.dt, self.grid.walls


def _by_chunk(work: Callable[[slice], T], blocks: int) -> list[Callable[[], T]]:
    edges = np.linspace(0, blocks, min(blocks, _CHUNKS) + 1).astype(int)
    return [partial(work, slice(a, b)) for a, b in itertools.pairwise(edges)]


def _to_lanes(rows: FloatArray) -> FloatArray:
    """Return ``(n, r)`` rows as blocks of lanes, shape ``(blocks, r * LANES)``, zeros filling the last block.

    Zero serves states and multipliers alike: a particle at the origin goes nowhere bad, a multiplier of zero adds
    nothing.
    """
    n, r = rows.shape
    blocks = -(-n // LANES)
    full = np.zeros((blocks * LANES, r))
    full[:n] = rows
    return np.ascontiguousarray(full.reshape(blocks, LANES, r).swapaxes(1, 2)).reshape(blocks, -1)


def _from_lanes(lanes: FloatArray, n: int) -> FloatArray:
    """Return the rows of blocks of lanes, the inverse of `_to_lanes`."""
    rows = lanes.shape[1] // LANES
    return np.ascontiguousarray(lanes.reshape(-1, rows, LANES).swapaxes(1, 2).reshape(-1, rows)[:n])
