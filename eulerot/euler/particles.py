"""Particles in a truncated stream function: exact velocity, gradient and adjoints, equations (8) and (10).

The stream function is a sum of products of one-dimensional basis functions, ``psi = sum Psi_mn b_m(x) b_n(y)``:
``b_m = sin((m+1) x)`` in the box; ``b_2k = cos(k x)``, ``b_2k+1 = sin(k x)`` on the torus. One kernel serves both.
Velocity is exact, so it is divergence-free and tangent to the walls by construction.

Positions in the box are *signed wall distances*: ``y > 0`` is the distance from the wall at 0, ``y < 0`` minus the
distance from the wall at pi. A particle never crosses a wall, so the sign never changes, and particles close to
either wall keep all their digits: the tails of a Gaussian are there.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np

from eulerot._types import FloatArray
from eulerot.euler import _kernels
from eulerot.euler._workers import run
from eulerot.euler.equations import Equation
from eulerot.euler.grid import Grid
from eulerot.euler.integrators import Tableau

T = TypeVar("T")

__all__ = ["Transport", "basis_coefficients", "basis_field", "to_angles", "to_positions"]

# Partial sums are formed by chunk and added in order, so that results do not depend on the number of threads
_CHUNKS = 16
_ON_THE_WALL = 1e-290


def to_angles(positions: FloatArray, grid: Grid) -> FloatArray:
    """Return the angles of positions: signed wall distances in the box."""
    angles = positions * grid.scales
    if not grid.walls:
        return angles
    # a zero would lose its sign on the way: on the wall at pi, the smallest distance stands for it
    return np.where(angles <= 0.5 * math.pi, angles, np.minimum(angles - math.pi, -_ON_THE_WALL))


def to_positions(angles: FloatArray, grid: Grid) -> FloatArray:
    """Return the positions of angles."""
    if grid.walls:
        angles = np.where(np.signbit(angles), math.pi + angles, angles)
    return angles / grid.scales


def _padded(n: int) -> int:
    return -(-n // _kernels.UNROLL) * _kernels.UNROLL


def basis_coefficients(field_hat: np.ndarray, grid: Grid) -> FloatArray:
    """Return the coefficients ``Psi_mn`` in the products of basis functions, zero-padded for the kernels.

    Leading axes are kept.
    """
    modes_k, modes_l = grid.modes
    lead = field_hat.shape[:-2]
    field_hat = field_hat * np.prod(grid.scales)  # velocities of angles
    if grid.walls:
        psi = np.zeros((*lead, _padded(modes_k), _padded(modes_l)))
        psi[..., :modes_k, :modes_l] = field_hat
        return psi
    psi = np.zeros((*lead, _padded(2 * modes_k + 2), _padded(2 * modes_l + 2)))
    folded = field_hat * np.where(np.arange(modes_l + 1) == 0, 1.0, 2.0)
    above, below = folded[..., 1 : modes_k + 1, :], folded[..., : -modes_k - 1 : -1, :]
    rows, columns = slice(2, 2 * modes_k + 2, 2), slice(0, 2 * modes_l + 2, 2)
    even = np.concatenate([folded[..., :1, :], above + below], axis=-2)
    psi[..., 0 : 2 * modes_k + 2 : 2, columns] = even.real
    psi[..., 0 : 2 * modes_k + 2 : 2, 1 : 2 * modes_l + 2 : 2] = -even.imag
    odd = above - below
    psi[..., slice(rows.start + 1, rows.stop + 1, 2), columns] = -odd.imag
    psi[..., slice(rows.start + 1, rows.stop + 1, 2), 1 : 2 * modes_l + 2 : 2] = -odd.real
    return psi


def basis_field(derivative: FloatArray, grid: Grid) -> np.ndarray:
    """Return the field that represents a derivative by ``Psi_mn`` in the inner product ``mean(a b)``."""
    modes_k, modes_l = grid.modes
    derivative = derivative * np.prod(grid.scales)
    if grid.walls:
        return 4.0 * derivative[..., :modes_k, :modes_l]
    end_k, end_l = 2 * modes_k + 2, 2 * modes_l + 2
    cc, cs = derivative[..., 0:end_k:2, 0:end_l:2], derivative[..., 0:end_k:2, 1:end_l:2]
    sc, ss = derivative[..., 1:end_k:2, 0:end_l:2], derivative[..., 1:end_k:2, 1:end_l:2]
    # 1 / mean(b_m^2 b_n^2) is 4 times a half for each constant; undoing the folding of k and l halves again
    even, odd = cc - 1j * cs, -ss - 1j * sc
    return np.concatenate([even[..., :1, :], even[..., 1:, :] + odd[..., 1:, :], (even - odd)[..., :0:-1, :]], axis=-2)


@dataclass(frozen=True)
class Transport:
    """Particles carried by given stage stream functions through equal steps of one Runge-Kutta scheme.

    Parameters
    ----------
    grid : Grid
        Domain and truncation.
    psi : ndarray, shape (steps, stages, m, n)
        Basis coefficients of the stream function at each stage, as `basis_coefficients` gives them.
    dt : float
        The step; negative to go back in time.
    tableau : Tableau
        The scheme, the same as the field's.
    threads : int
        Threads over particles. Results do not depend on it.
    """

    grid: Grid
    psi: FloatArray
    dt: float
    tableau: Tableau
    threads: int = 1

    @classmethod
    def of(cls, equation: Equation, stages: np.ndarray, dt: float, tableau: Tableau, threads: int = 1) -> Transport:
        """Return the transport by an equation's stage fields, shape ``(steps, stages, ...)``."""
        return cls(equation.grid, basis_coefficients(equation.carrier(stages), equation.grid), dt, tableau, threads)

    def advance(self, positions: FloatArray) -> FloatArray:
        """Return the positions at the end; signed wall distances in the box."""
        return self._run(positions, rows=2, record=False)[0]

    def advance_recorded(self, positions: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the positions at the end and the stage positions that `adjoint` needs."""
        return self._run(positions, rows=2, record=True)

    def advance_jacobian(self, positions: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the positions at the end and the Jacobians ``DX`` there, by the variational equation."""
        state = np.concatenate([positions, np.tile([1.0, 0.0, 0.0, 1.0], (len(positions), 1))], axis=1)
        end = self._run(state, rows=6, record=False)[0]
        return end[:, :2], end[:, 2:].reshape(-1, 2, 2)

    def adjoint(self, record: FloatArray, multiplier: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return derivatives by the stage carriers, as fields, and by the starting positions; equation (10).

        Parameters
        ----------
        record : ndarray
            What `advance_recorded` returned.
        multiplier : ndarray, shape (n, 2)
            Derivative of the objective by the positions at the end.
        """
        lanes = _to_lanes(multiplier)
        start = np.empty_like(lanes)

        def work(chunk: slice) -> FloatArray:
            psi_bar = np.zeros_like(self.psi)
            a, b, dt, walls = self._scheme
            _kernels.adjoint(record[chunk], lanes[chunk], self.psi, a, b, dt, walls, start[chunk], psi_bar)
            return psi_bar

        parts = self._map(work, len(lanes))
        total = parts[0]
        for part in parts[1:]:
            total += part
        return basis_field(total, self.grid), _from_lanes(start, len(multiplier))

    def _run(self, state: FloatArray, *, rows: int, record: bool) -> tuple[FloatArray, FloatArray]:
        lanes = _to_lanes(state)
        steps, stages = self.psi.shape[:2]
        kept = np.empty((len(lanes), steps, stages, rows * _kernels.LANES) if record else (len(lanes), 0, 0, 0))

        def work(chunk: slice) -> None:
            a, b, dt, walls = self._scheme
            _kernels.advance(lanes[chunk], self.psi, a, b, dt, walls, kept[chunk])

        self._map(work, len(lanes))
        return _from_lanes(lanes, len(state)), kept

    @property
    def _scheme(self) -> tuple[FloatArray, FloatArray, float, bool]:
        return self.tableau.a, self.tableau.b, self.dt, self.grid.walls

    def _map(self, work: Callable[[slice], T], blocks: int) -> list[T]:
        edges = np.linspace(0, blocks, min(blocks, _CHUNKS) + 1).astype(int)
        return run([partial(work, slice(a, b)) for a, b in itertools.pairwise(edges)], self.threads)


def _to_lanes(rows: FloatArray) -> FloatArray:
    """Return ``(n, r)`` rows as blocks of lanes, shape ``(blocks, r * LANES)``, zeros filling the last block.

    Zero serves states and multipliers alike: a particle at the origin goes nowhere bad, a multiplier of zero adds
    nothing.
    """
    n, r = rows.shape
    blocks = -(-n // _kernels.LANES)
    full = np.zeros((blocks * _kernels.LANES, r))
    full[:n] = rows
    return np.ascontiguousarray(full.reshape(blocks, _kernels.LANES, r).swapaxes(1, 2)).reshape(blocks, -1)


def _from_lanes(lanes: FloatArray, n: int) -> FloatArray:
    """Undo `_to_lanes`."""
    rows = lanes.shape[1] // _kernels.LANES
    return np.ascontiguousarray(lanes.reshape(-1, rows, _kernels.LANES).swapaxes(1, 2).reshape(-1, rows)[:n])
