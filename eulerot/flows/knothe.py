"""A flow from a density alone: the Knothe-Rosenblatt map, by quadrature, in two and three dimensions.

The first coordinate goes through the distribution function of its marginal, each next one through that of its
conditional, and all through the normal quantile (Rosenblatt, Ann. Math. Stat. 23:470, 1952,
doi:10.1214/aoms/1177729394). The map is a valid flow of the density, yet not the map of the model it came from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import exprel, log_ndtr, logsumexp, ndtri_exp

from eulerot._types import FloatArray, Seed
from eulerot.errors import checked_samples
from eulerot.flows.box import DensityBox, density_box
from eulerot.source import normal_points

__all__ = ["KnotheFlow", "knothe_flow"]

POINTS = {2: (128, 256, 512), 3: (48, 96, 128)}  # tried in this order
ERROR = 2e-3  # the total variation error that ends the refinement
FINER = 4  # the last axis of a table is refined so many times before densities are joined by exponentials
RESOLVED = 4.0  # second differences of a log density above this are jumps, which a cubic would overshoot
DEEPEST = 100.0  # logarithms are cut so far below the largest one of a row
CHUNK = {2: 1024, 3: 512}


@dataclass(frozen=True)
class KnotheFlow:
    """The Knothe-Rosenblatt map of a density as a flow; make one with `knothe_flow`.

    Attributes
    ----------
    dim : int
        Two or three.
    density : callable
        The log density, for `log_prob`.
    axes : tuple of ndarray
        The quadrature nodes of each coordinate.
    tables : tuple of ndarray
        Logarithms of the densities of the first, the first two, ... coordinates at the nodes.
    mass : float
        The mass of the density on the box; `log_prob` is not divided by it unless the flow was made so.
    outside : float
        The mass found between the box and its double, before it was cropped to where the density lives.
    error : float
        The total variation distance between the law of the map and the density, estimated at 1024 points.
    """

    dim: int
    density: Callable[[FloatArray], FloatArray]
    axes: tuple[FloatArray, ...]
    tables: tuple[FloatArray, ...]
    mass: float
    outside: float
    error: float = float("nan")

    @property
    def map(self) -> str:
        """Which map this is, in words."""
        return (
            f"Knothe-Rosenblatt map of the density by quadrature (mass {self.mass:.7f}, {self.outside:.1e} outside "
            f"the box, total variation error {self.error:.1e}); not the model's own map"
        )

    def forward(self, z: ArrayLike) -> FloatArray:
        """Return the data of latents, shape ``(n, dim)``: the quantiles of the conditionals, one after the other."""
        latents = checked_samples("z", z, dim=self.dim)
        step = CHUNK[self.dim]
        return np.concatenate([self._forward(latents[i : i + step]) for i in range(0, len(latents), step)])

    def inverse(self, x: ArrayLike) -> FloatArray:
        """Return the latents of data, shape ``(n, dim)``: the distribution functions of the conditionals."""
        return self._latents(checked_samples("x", x, dim=self.dim))[0]

    def log_prob(self, x: ArrayLike) -> FloatArray:
        """Return the log density that the flow was made of, shape ``(n,)``."""
        return self.density(checked_samples("x", x, dim=self.dim))

    def map_log_prob(self, x: ArrayLike) -> FloatArray:
        """Return the log density of the map itself, which differs from `log_prob` by the error of the quadrature."""
        return self._latents(checked_samples("x", x, dim=self.dim))[1]

    def sample(self, n: int, seed: Seed = None) -> FloatArray:
        """Return `n` samples; `seed` is what `numpy.random.default_rng` takes."""
        return self.forward(np.random.default_rng(seed).standard_normal((n, self.dim)))

    def _forward(self, z: FloatArray) -> FloatArray:
        x = np.empty_like(z)
        for k in range(self.dim):
            conditional = _Conditional.at(self.axes, self.tables[k], x[:, :k])
            x[:, k] = conditional.quantile(z[:, k])
        return x

    def _latents(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        z, log_density = np.empty_like(x), np.zeros(len(x))
        for start in range(0, len(x), CHUNK[self.dim]):
            rows = slice(start, start + CHUNK[self.dim])
            for k in range(self.dim):
                conditional = _Conditional.at(self.axes, self.tables[k], x[rows, :k])
                z[rows, k], gained = conditional.normal_score(x[rows, k])
                log_density[rows] += gained
        return z, log_density


def knothe_flow(
    log_prob: Callable[[FloatArray], ArrayLike],
    *,
    dim: int,
    center: ArrayLike = 0.0,
    scale: ArrayLike = 1.0,
    points: int | None = None,
    normalised: bool = True,
) -> KnotheFlow:
    """Return a flow of a density: its Knothe-Rosenblatt map, by quadrature.

    The box starts at ``center +- 4 scale`` and is doubled until the shell between it and its double holds less than
    1e-6 of the mass and the whole mass is one; then it is cropped to where the density lives. The logarithm of the
    density is interpolated by local cubics, linearly where it jumps, and continued by exponentials outside.

    Parameters
    ----------
    log_prob : callable
        The log density of rows, shape ``(n, dim)`` to ``(n,)``.
    dim : int
        Two or three.
    center, scale : float or array_like, shape (dim,)
        Where the density is thought to live, roughly.
    points : int, optional
        Quadrature nodes an axis. If not given, up to 512 in two dimensions and 128 in three, until the total variation
        error is below 2e-3.
    normalised : bool
        Whether the density claims to have mass one. If not, it is divided by its mass.

    Raises
    ------
    ValueError
        For a dimension other than two and three, or a bad option.
    FlowError
        If the mass on the box is not what it should be, with the mass.

    Examples
    --------
    >>> flow = knothe_flow(lambda x: -0.5 * (x**2).sum(axis=1) - np.log(2 * np.pi), dim=2)
    >>> bool(np.abs(flow.forward([[1.0, -2.0]]) - [[1.0, -2.0]]).max() < 1e-4)
    True
    >>> round(flow.mass, 6)
    1.0
    """
    sizes = _checked(dim, points)
    middle, half = (np.broadcast_to(np.asarray(v, dtype=float), (dim,)) for v in (center, 4 * np.asarray(scale)))
    if not (np.isfinite(middle).all() and np.isfinite(half).all() and (half > 0).all()):
        raise ValueError(f"center, scale: expected finite numbers, scale positive; got {center!r} and {scale!r}.")

    def density(x: FloatArray) -> FloatArray:
        return np.asarray(log_prob(x), dtype=float)

    box = density_box(density, middle, half, sizes[0], unit_mass=normalised)
    flow = _on_box(density, box, normalised)
    for size in sizes[1:]:
        if flow.error < ERROR:
            break
        flow = _on_box(density, box.refined(density, size), normalised)
    return flow


def _on_box(density: Callable[[FloatArray], FloatArray], box: DensityBox, normalised: bool) -> KnotheFlow:
    tables, axes = _tables(box.values, box.axes)
    constant = 0.0 if normalised else np.log(box.mass)
    flow = KnotheFlow(len(axes), lambda x: density(x) - constant, axes, tables, box.mass, box.outside)
    probes = flow.forward(normal_points(1024, flow.dim))
    error = 0.5 * float(np.mean(np.abs(np.expm1(flow.log_prob(probes) - flow.map_log_prob(probes)))))
    return replace(flow, error=error)


def _checked(dim: int, points: int | None) -> tuple[int, ...]:
    if dim not in POINTS:
        raise ValueError(
            f"dim: expected 2 or 3 for a map by quadrature; got {dim!r}. In more dimensions pass the forward or the "
            "inverse map of the flow."
        )
    if points is None:
        return POINTS[dim]
    if not isinstance(points, int | np.integer) or points < 8:
        raise ValueError(f"points: expected a whole number of at least 8; got {points!r}.")
    return (int(points),)


def _tables(values: FloatArray, axes: tuple[FloatArray, ...]) -> tuple[tuple[FloatArray, ...], tuple[FloatArray, ...]]:
    """Return the log densities of the leading coordinates, the last axis of each refined, and the refined axes."""
    fine = [np.linspace(axis[0], axis[-1], FINER * (len(axis) - 1) + 1) for axis in axes]
    tables = []
    for k in range(len(axes) - 1, -1, -1):
        table = np.moveaxis(_interpolated(np.moveaxis(values, k, 0), (axes[k],), fine[k][:, None]), 0, -1)
        tables.append(table)
        values = _log_cells(table, fine[k])[2]
    return tuple(tables[::-1]), tuple(fine)


def _log_cells(log_density: FloatArray, axis: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return slopes, logarithms of the masses of the cells, and of the whole with its tails; exponentials in a cell."""
    width = axis[1] - axis[0]
    slopes = np.diff(log_density, axis=-1) / width
    cells = log_density[..., :-1] + np.log(exprel(slopes * width) * width)
    left, right = (log_density[..., i] - np.log(_decay(slopes[..., i] * s, axis)) for i, s in ((0, 1), (-1, -1)))
    return slopes, cells, logsumexp(np.concatenate([left[..., None], cells, right[..., None]], axis=-1), axis=-1)


def _decay(slope: FloatArray, axis: FloatArray) -> FloatArray:
    """Return the rate at which the density falls outside the box: its slope at the edge, or one in a tenth of it."""
    return np.maximum(slope, 10 / (axis[-1] - axis[0]))


def _interpolated(table: FloatArray, axes: tuple[FloatArray, ...], points: FloatArray) -> FloatArray:
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


def _blend(four: FloatArray, share: FloatArray, interior: FloatArray) -> FloatArray:
    """Return the value between the second and the third of four neighbours, shape ``(n, 4, ...)``."""
    t = share.reshape(-1, *[1] * (four.ndim - 2))
    a, b, c, d = (four[:, i] for i in range(4))
    linear = b + t * (c - b)
    bend, next_bend = a - 2 * b + c, b - 2 * c + d
    smooth = np.maximum(np.abs(bend), np.abs(next_bend)) < RESOLVED
    smooth &= interior.reshape(t.shape)
    # Catmull and Rom's cubic, written as a correction of the chord
    return np.where(smooth, linear - 0.5 * t * (1 - t) * ((1 - t) * bend + t * next_bend), linear)


@dataclass(frozen=True)
class _Conditional:
    """One-dimensional densities, a row each: exponentials between nodes, so that all is in closed form."""

    axis: FloatArray
    log_density: FloatArray
    slopes: FloatArray
    log_below: FloatArray
    log_above: FloatArray

    @classmethod
    def at(cls, axes: tuple[FloatArray, ...], table: FloatArray, given: FloatArray) -> _Conditional:
        """Return the conditionals of the next coordinate for rows of those before it."""
        k = given.shape[1]
        rows = _interpolated(table, tuple(axis[::FINER] for axis in axes[:k]), given) if k else table[None]
        axis = axes[k]
        rows = np.maximum(rows, rows.max(axis=1, keepdims=True) - DEEPEST)
        slopes, cells, total = _log_cells(rows, axis)
        rows, cells = rows - total[:, None], np.exp(cells - total[:, None])
        left = np.exp(rows[:, :1]) / _decay(slopes[:, :1], axis)
        right = np.exp(rows[:, -1:]) / _decay(-slopes[:, -1:], axis)
        below = np.cumsum(np.concatenate([left, cells], axis=1), axis=1)
        above = np.cumsum(np.concatenate([right, cells[:, ::-1]], axis=1), axis=1)[:, ::-1]
        return cls(axis, rows, slopes, np.log(below), np.log(above))

    def _index(self, n: int) -> NDArray[np.int_]:
        """Return the row of each of `n` points; a single row serves all of them."""
        return np.arange(n) if len(self.log_density) == n else np.zeros(n, dtype=int)

    def quantile(self, z: FloatArray) -> FloatArray:
        """Return the points below which the normal distribution function of `z` lies: from the nearer tail."""
        x = np.empty_like(z)
        for lower in (True, False):
            side = (z < 0) == lower
            if side.any():
                x[side] = self._from_tail(log_ndtr(-np.abs(z[side])), np.flatnonzero(side), len(z), lower)
        return x

    def _from_tail(self, log_share: FloatArray, where: FloatArray, n: int, lower: bool) -> FloatArray:
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
        if lower:
            return self.log_below, self.log_density, self.slopes, self.axis
        return self.log_above[:, ::-1], self.log_density[:, ::-1], -self.slopes[:, ::-1], self.axis[::-1]

    def normal_score(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the normal quantiles of the distribution functions at `x`, and the log densities there."""
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
                z[side] = ndtri_exp(np.minimum(log_share, -1e-300)) * (1 if lower else -1)
        return z, log_density

    def _tail_share(self, x: FloatArray, index: FloatArray, lower: bool) -> tuple[FloatArray, FloatArray]:
        """Return the log of the mass up to `x` from one side, and the log density where `x` is outside the box."""
        log_mass, log_density, slopes, axis = self._oriented(lower)
        distance = (x - axis[0]) if lower else (axis[0] - x)
        width = abs(axis[1] - axis[0])
        cell = np.clip((distance / width).astype(int), 0, len(axis) - 2)
        rise = distance - cell * width
        part = np.exp(log_density[index, cell]) * rise * exprel(slopes[index, cell] * rise)
        decay = _decay(slopes[index, 0], self.axis)
        log_share = np.where(
            distance < 0, log_mass[index, 0] + decay * distance, np.log(np.exp(log_mass[index, cell]) + part)
        )
        outside = np.where(distance < 0, log_density[index, 0] + decay * distance, np.nan)
        return log_share, outside
