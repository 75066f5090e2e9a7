"""Particles in a truncated field: exact velocity, gradient and adjoints, equations (8) and (10).

What carries the particles are sums of products of one-dimensional basis functions, one for each component of the
velocity: in space ``u_i = sum U_imno b_m(x) b_n(y) b_o(z)``. In the plane both come from a stream function
``sum Psi_mn b_m(x) b_n(y)``, with coefficients ``n Psi_mn`` and ``-m Psi_mn``, and with ``b' / k`` for the function
that is differentiated. On the torus the ``b`` are ``cos(k x)``, k = 0, 1, ..., and then ``sin(k x)``. In the box they
are ``sin((m + 1) x)`` or, for a component of the velocity in space along the axes that are not its own, ``cos(m x)``.
Velocity is exact, so it is tangent to the walls, and divergence-free if its coefficients are.

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
from eulerot.euler._kernels_basis import LANES, TILE
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


def _of_angles(grid: Grid) -> FloatArray | float:
    """Return the factors that turn an equation's carrier, of positions, into that of angles."""
    return float(np.prod(grid.scales)) if grid.dim == 2 else grid.scales[:, None, None, None]


def _shifted(series: FloatArray, by: int, grid: Grid) -> FloatArray:
    """Return the series of a velocity in the box with the sines moved `by` places along their axes; others as is."""
    if grid.dim == 2:
        return series
    return np.stack([np.roll(series[..., i, :, :, :], by, axis=i - 3) for i in range(3)], axis=-4)


def _padded(series: np.ndarray, axis: int, multiple: int) -> np.ndarray:
    widths = [(0, 0)] * series.ndim
    widths[axis] = (0, -series.shape[axis] % multiple)
    return np.pad(series, widths)


def _part(axis: int, *edges: int | None) -> tuple:
    """Return the index that slices one axis, counted from the end."""
    return (..., slice(*edges), *(slice(None),) * (-axis - 1))


def _components(shape: tuple[int, ...], grid: Grid) -> FloatArray:
    """Return the factors that turn coefficients of a stream function, of this shape, into those of ``u`` and ``v``."""
    first, second = (np.arange(1.0, n + 1) if grid.walls else np.arange(n) % (n / 2) for n in shape)
    return np.stack(np.broadcast_arrays(second, -first[:, None]))


def basis_coefficients(field_hat: np.ndarray, grid: Grid) -> FloatArray:
    """Return the coefficients of each component of the velocity, shape ``(..., d, m, n)`` or ``(..., d, m, n, o)``.

    Parameters
    ----------
    field_hat : ndarray
        Kept coefficients of the stream function, or of the velocity, ``(3, *grid.shape_hat)``; leading axes are kept.
    grid : Grid
        Domain and truncation.
    """
    series = _products(field_hat * _of_angles(grid), grid)
    return series if grid.dim == 3 else series[..., None, :, :] * _components(series.shape[-2:], grid)


def _products(series: np.ndarray, grid: Grid) -> FloatArray:
    """Return the coefficients in the products of basis functions, zero-padded for the kernels."""
    if grid.walls:
        series = _shifted(series, -1, grid)
        for axis in range(-grid.dim, 0):
            series = _padded(series, axis, TILE)
        return series
    for axis, modes in zip(range(-grid.dim, -1), grid.modes, strict=False):  # e^ikx = cos kx + i sin kx
        above, below = series[_part(axis, 1, modes + 1)], series[_part(axis, None, -modes - 1, -1)]
        zeroth = series[_part(axis, 0, 1)]
        cosines, sines = [zeroth, above + below], [np.zeros_like(zeroth), 1j * (above - below)]
        halves = [_padded(np.concatenate(half, axis), axis, TILE // 2) for half in (cosines, sines)]
        series = np.concatenate(halves, axis)
    series = _padded(series * np.where(np.arange(grid.modes[-1] + 1) == 0, 1.0, 2.0), -1, TILE // 2)
    return np.concatenate([series.real, -series.imag], axis=-1)


def basis_field(derivative: FloatArray, grid: Grid) -> np.ndarray:
    """Return the field that represents a derivative by the coefficients in the inner product ``mean(a b)``.

    The transpose of `basis_coefficients`.
    """
    if grid.dim == 2:
        derivative = np.sum(derivative * _components(derivative.shape[-2:], grid), axis=-3)
    if grid.walls:
        within: tuple = (..., *map(slice, grid.shape_hat))
        kept = derivative[within]
        return _shifted(kept, 1, grid) / grid.weights * _of_angles(grid)
    half, modes = derivative.shape[-1] // 2, grid.modes[-1]
    series = derivative[..., : modes + 1] - 1j * derivative[..., half : half + modes + 1]
    for axis, modes in zip(range(-grid.dim, -1), grid.modes, strict=False):
        half = series.shape[axis] // 2
        cosines = series[_part(axis, 0, modes + 1)]
        above, below = cosines[_part(axis, 1, None)], 1j * series[_part(axis, half + 1, half + modes + 1)]
        parts = [cosines[_part(axis, 0, 1)], above - below, (above + below)[_part(axis, None, None, -1)]]
        series = np.concatenate(parts, axis)
    return series * _of_angles(grid)


@dataclass(frozen=True)
class Transport:
    """Particles carried by given stage fields through equal steps of one Runge-Kutta scheme, in the plane or in space.

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
    def of(cls, equation: Equation, stages: np.ndarray, dt: float, tableau: Tableau, threads: int = 1) -> Transport:
        """Return the transport by an equation's stage fields, shape ``(steps, stages, ...)``."""
        return cls(equation.grid, basis_coefficients(equation.carrier(stages), equation.grid), dt, tableau, threads)

    def advance(self, positions: FloatArray) -> FloatArray:
        """Return the positions at the end; signed wall distances in the box."""
        return self._run(positions)[0]

    def advance_recorded(self, positions: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the positions at the end, and what `adjoint` needs: the positions at the start of each step."""
        return self._run(positions, recorded=True)

    def advance_jacobian(self, positions: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the positions at the end and the Jacobians ``DX`` there, by the variational equation."""
        n, dim = positions.shape
        end = self._run(np.concatenate([positions, np.tile(np.eye(dim).ravel(), (n, 1))], axis=1))[0]
        return end[:, :dim], end[:, dim:].reshape(n, dim, dim)

    def adjoint(self, record: FloatArray, multiplier: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return derivatives by the equation's carrier at each stage, and by the starting positions; equation (10).

        Parameters
        ----------
        record : ndarray
            What `advance_recorded` returned.
        multiplier : ndarray, shape (n, d)
            Derivative of the objective by the positions at the end.
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
            for part in run(tasks[first : first + self.threads], self.threads):
                total += part
        return basis_field(total, self.grid), _from_lanes(start, len(multiplier))

    def _run(self, state: FloatArray, *, recorded: bool = False) -> tuple[FloatArray, FloatArray]:
        lanes = _to_lanes(state)
        record = np.empty((len(lanes), len(self.coefs) if recorded else 0, self.grid.dim * LANES))

        def work(chunk: slice) -> None:
            _kernels.advance(lanes[chunk], self.coefs, *self._scheme, record[chunk])

        run(_by_chunk(work, len(lanes)), self.threads)
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
    """Undo `_to_lanes`."""
    rows = lanes.shape[1] // LANES
    return np.ascontiguousarray(lanes.reshape(-1, rows, LANES).swapaxes(1, 2).reshape(-1, rows)[:n])
