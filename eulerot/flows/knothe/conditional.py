"""Distribution functions and quantiles of the conditional densities of a density on a grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from eulerot._types import FloatArray

__all__ = ["FINER", "Conditionals", "interpolated", "log_cells"]

FINER = 4  # the last axis of a table is refined so many times before densities are joined by exponentials
RESOLVED = 4.0  # second differences of a log density above this are jumps, which a cubic would overshoot
DEEPEST = 100.0  # logarithms are cut so far below the largest one of a row


def log_cells(log_density: FloatArray, axis: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Integrate densities that are exponentials in each cell: slopes, log masses of cells, log mass with the tails."""
    width = axis[1] - axis[0]
    slopes = np.diff(log_density, axis=-1) / width
    cells = log_density[..., :-1] + np.log(scipy.special.exprel(slopes * width) * width)
    left, right = (log_density[..., i] - np.log(_decay(slopes[..., i] * s, axis)) for i, s in ((0, 1), (-1, -1)))
    return (
        slopes,
        cells,
        scipy.special.logsumexp(np.concatenate([left[..., None], cells, right[..., None]], axis=-1), axis=-1),
    )


def _decay(slope: FloatArray, axis: FloatArray) -> FloatArray:
    """Return the rate of decay outside the box: the slope at the edge, at least ten over the width of the box."""
    return np.maximum(slope, 10 / (axis[-1] - axis[0]))


def interpolated(table: FloatArray, axes: tuple[FloatArray, ...], points: FloatArray) -> FloatArray:
    """Interpolate a table along its first axes at rows of `points`, shape ``(n, k)``, one column an axis."""
    n, k = points.shape
    near, shares, interior = [], [], []
    for i, axis in enumerate(axes):
        position = (points[:, i] - axis[0]) / (axis[1] - axis[0])
        cell = np.clip(np.floor(position).astype(int), 0, len(axis) - 2)
        stencil = np.clip(cell[:, None] + np.arange(-1, 3), 0, len(axis) - 1)
        near.append(stencil.reshape(n, *[4 if j == i else 1 for j in range(k)]))
        shares.append(np.clip(position - cell, 0.0, 1.0))
        interior.append((cell > 0) & (cell < len(axis) - 2))
    values = table[tuple(near)]
    for share, inside in zip(shares, interior, strict=True):
        values = _blend(values, share, inside)
    return values


def _blend(four: FloatArray, share: FloatArray, interior: NDArray[np.bool_]) -> FloatArray:
    """Return the value between the second and the third of four neighbours, shape ``(n, 4, ...)``."""
    t = share.reshape(-1, *[1] * (four.ndim - 2))
    a, b, c, d = (four[:, i] for i in range(4))
    linear = b + t * (c - b)
    bend, next_bend = a - 2 * b + c, b - 2 * c + d
    smooth = (np.maximum(np.abs(bend), np.abs(next_bend)) < RESOLVED) & interior.reshape(t.shape)
    # Catmull and Rom's cubic, written as a correction of the chord
    return np.where(smooth, linear - 0.5 * t * (1 - t) * ((1 - t) * bend + t * next_bend), linear)


@dataclass(frozen=True)
class Conditionals:
    """One-dimensional densities, one a row, exponential between nodes so that integrals have closed forms."""

    axis: FloatArray
    log_density: FloatArray
    slopes: FloatArray
    log_below: FloatArray
    log_above: FloatArray

    @classmethod
    def at(cls, axes: tuple[FloatArray, ...], table: FloatArray, given: FloatArray) -> Conditionals:
        """Return the conditionals of the next coordinate for rows of those before it."""
        k = given.shape[1]
        rows = interpolated(table, tuple(axis[::FINER] for axis in axes[:k]), given) if k else table[None]
        axis = axes[k]
        rows = np.maximum(rows, rows.max(axis=1, keepdims=True) - DEEPEST)
        slopes, cells, total = log_cells(rows, axis)
        rows, cells = rows - total[:, None], np.exp(cells - total[:, None])
        left = np.exp(rows[:, :1]) / _decay(slopes[:, :1], axis)
        right = np.exp(rows[:, -1:]) / _decay(-slopes[:, -1:], axis)
        below = np.cumsum(np.concatenate([left, cells], axis=1), axis=1)
        above = np.cumsum(np.concatenate([right, cells[:, ::-1]], axis=1), axis=1)[:, ::-1]
        return cls(axis, rows, slopes, np.log(below), np.log(above))

    def _index(self, n: int) -> NDArray[np.int_]:
        """Return the number of the density that belongs to each of `n` points; a single one serves all of them."""
        return np.arange(n) if len(self.log_density) == n else np.zeros(n, dtype=int)

    def quantile(self, z: FloatArray) -> FloatArray:
        """Return the quantiles at ``Phi(z)``, integrated from the nearer tail."""
        x = np.empty_like(z)
        for lower in (True, False):
            side = (z < 0) == lower
            if side.any():
                x[side] = self._from_tail(scipy.special.log_ndtr(-np.abs(z[side])), np.flatnonzero(side), len(z), lower)
        return x

    def _from_tail(self, log_share: FloatArray, where: NDArray[np.int_], n: int, lower: bool) -> FloatArray:
        """Return the points beyond which a share of the mass lies, counted from the lower or the upper tail."""
        index, sign = self._index(n)[where], 1.0 if lower else -1.0
        log_mass, log_density, slopes, axis = self._oriented(lower)
        node = np.sum(log_mass[index] < log_share[:, None], axis=1) - 1
        inside = np.clip(node, 0, len(axis) - 2)
        start, slope = np.exp(log_density[index, inside]), slopes[index, inside]
        rest = np.exp(log_share) - np.exp(log_mass[index, inside])
        with np.errstate(invalid="ignore", divide="ignore"):
            flat = np.abs(slope * rest) < 1e-8 * start
            offset = np.where(flat, rest / start, np.log1p(slope * rest / start) / slope)
        tail = (log_share - log_mass[index, 0]) / _decay(slopes[index, 0], self.axis)
        return np.where(node < 0, axis[0] + sign * tail, axis[inside] + sign * offset)

    def _oriented(self, lower: bool) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return log masses, log densities, slopes and nodes, in the order seen from one tail."""
        if lower:
            return self.log_below, self.log_density, self.slopes, self.axis
        return self.log_above[:, ::-1], self.log_density[:, ::-1], -self.slopes[:, ::-1], self.axis[::-1]

    def normal_score(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the normal scores ``Phi^-1(F(x))`` and the log densities at `x`."""
        index, n_cells = self._index(len(x)), len(self.axis) - 1
        width = self.axis[1] - self.axis[0]
        cell = np.clip(((x - self.axis[0]) / width).astype(int), 0, n_cells - 1)
        slope = self.slopes[index, cell]
        log_density = self.log_density[index, cell] + slope * (x - self.axis[cell])
        z = np.empty_like(x)
        upper = np.exp(self.log_below[index, cell]) > 0.5
        for lower in (True, False):
            side = upper != lower
            if side.any():
                log_share, outside = self._tail_share(x[side], index[side], lower)
                log_density[side] = np.where(np.isnan(outside), log_density[side], outside)
                z[side] = scipy.special.ndtri_exp(np.minimum(log_share, -1e-300)) * (1 if lower else -1)
        return z, log_density

    def _tail_share(self, x: FloatArray, index: NDArray[np.int_], lower: bool) -> tuple[FloatArray, FloatArray]:
        """Return the log of the mass up to `x` from one side, and the log density where `x` is outside the box."""
        log_mass, log_density, slopes, axis = self._oriented(lower)
        distance = (x - axis[0]) if lower else (axis[0] - x)
        width = abs(axis[1] - axis[0])
        cell = np.clip((distance / width).astype(int), 0, len(axis) - 2)
        rise = distance - cell * width
        part = np.exp(log_density[index, cell]) * rise * scipy.special.exprel(slopes[index, cell] * rise)
        decay = _decay(slopes[index, 0], self.axis)
        log_share = np.where(
            distance < 0, log_mass[index, 0] + decay * distance, np.log(np.exp(log_mass[index, cell]) + part)
        )
        outside = np.where(distance < 0, log_density[index, 0] + decay * distance, np.nan)
        return log_share, outside
