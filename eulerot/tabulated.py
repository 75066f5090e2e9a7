"""A rearrangement as a table: millions of samples a second, to a stated error."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import make_interp_spline

from eulerot._kernels_spline import EDGE, ORDER, SCALE, displace, slopes
from eulerot._types import FloatArray
from eulerot.coordinates import to_box, to_latent
from eulerot.errors import ResolutionError, checked_samples
from eulerot.euler._workers import run
from eulerot.euler.splined import FEWEST

if TYPE_CHECKING:
    from eulerot.euler.geodesic import Geodesic
    from eulerot.rearrangement import Rearrangement

__all__ = ["TabulatedRearrangement", "tabulated"]

# What is tried in turn: cells an axis, and the pieces of a geodesic that have a table each. More tables take longer to
# read, but a map that has stretched and folded for long needs many cells
_CHOICES = ((64, 1), (128, 1), (256, 1), (256, 2), (256, 3), (384, 3), (512, 4), (512, 8))
# Rows at a time: their arrays stay in the cache; results do not depend on the number of threads
_CHUNK = 4096


def _table(move: Callable[[FloatArray], FloatArray], cells: int) -> FloatArray:
    """Return the spline coefficients of a map of the box: of the displacement of latents, equation (19).

    A spline of order 8 on equal cells has six coefficients more than there are knots: it goes through the middles of
    the three outermost cells, too.
    """
    middles = np.arange(3) + 0.5
    places = np.sort(np.concatenate([np.arange(cells + 1.0), middles, cells - middles]))
    images = (2 * places / cells - 1) * EDGE
    latents = SCALE * images / np.sqrt(1 - images**2)
    start = np.stack(np.meshgrid(latents, latents, indexing="ij"), axis=-1)
    coefs = to_latent(move(to_box(start.reshape(-1, 2)))).reshape(start.shape) - start
    knots = np.arange(1.0 - ORDER, cells + ORDER)
    for _ in range(2):  # along the first axis, which then becomes the second
        coefs = np.swapaxes(make_interp_spline(places, coefs, k=ORDER - 1, t=knots).c, 0, 1)
    return np.ascontiguousarray(coefs)


@dataclass(frozen=True)
class _Stage:
    """Sweeps with the same axes and planes, several tables in each plane: ``Q^T o (X_1 x X_2 x ...) o Q``."""

    axes: FloatArray
    planes: tuple[tuple[int, ...], ...]
    tables: tuple[FloatArray, ...]  # one a plane, shape (pieces, m, m, 2)

    def forward(self, latents: FloatArray, far: np.ndarray) -> FloatArray:
        """Return moved latents; set `far` where tables do not reach."""
        turned = latents @ self.axes.T
        for tables, plane in zip(self.tables, self.planes, strict=True):
            pair = np.ascontiguousarray(turned[:, plane])
            displace(tables, pair, far)
            turned[:, plane] = pair
        return turned @ self.axes

    def log_abs_det(self, latents: FloatArray, far: np.ndarray) -> tuple[FloatArray, FloatArray]:
        """Return moved latents, and ``log |det D|`` of the interpolant with the change of the Gaussian density."""
        turned, total = latents @ self.axes.T, np.zeros(len(latents))
        for tables, plane in zip(self.tables, self.planes, strict=True):
            pair = np.ascontiguousarray(turned[:, plane])
            total += 0.5 * np.sum(pair**2, axis=1)
            for table in tables:
                jacobian = np.empty((len(pair), 2, 2))
                slopes(table, pair, jacobian)
                total += np.log(np.abs(np.linalg.det(np.eye(2) + jacobian)))
                displace(table[None], pair, far)
            total -= 0.5 * np.sum(pair**2, axis=1)
            turned[:, plane] = pair
        return turned @ self.axes, total


@dataclass(frozen=True)
class TabulatedRearrangement:
    """A rearrangement that is read from tables; made by `Rearrangement.tabulated`.

    Attributes
    ----------
    exact : Rearrangement
        The map that was tabulated.
    cells : int
        Cells an axis of each table of the map; those of its inverse may have other ones.
    error : float
        The largest distance between this map and the exact one, or between their inverses, at probes that the tables
        do not contain, tails included.
    density_error : float
        The largest ``|log_abs_det|`` of this map at the probes, equation (16).
    """

    exact: Rearrangement
    cells: int
    error: float
    density_error: float
    _there: tuple[_Stage, ...]
    _back: tuple[_Stage, ...]

    def forward(self, z: ArrayLike) -> FloatArray:
        """Return ``s(z)``, shape ``(n, d)``."""
        return self._by_chunk(self._forward, checked_samples("z", z, dim=self.exact.dim))

    def inverse(self, y: ArrayLike) -> FloatArray:
        """Return ``s^-1(y)``, shape ``(n, d)``, from a table of its own."""
        return self._by_chunk(self._inverse, checked_samples("y", y, dim=self.exact.dim))

    def log_abs_det(self, z: ArrayLike) -> FloatArray:
        """Return the logarithm of the factor by which this map changes Gaussian volume, shape ``(n,)``."""
        return self._by_chunk(self._log_abs_det, checked_samples("z", z, dim=self.exact.dim))

    def path(self, z: ArrayLike, times: ArrayLike) -> FloatArray:
        """Return the way of `z` under the exact map, shape ``(times, n, d)``."""
        return self.exact.path(z, times)

    def _forward(self, latents: FloatArray) -> FloatArray:
        moved, far = _through(self._there, latents @ self.exact.rotation.T)
        if far.any():
            moved[far] = self.exact.forward(latents[far])
        return moved

    def _inverse(self, latents: FloatArray) -> FloatArray:
        moved, far = _through(self._back, latents)
        moved = moved @ self.exact.rotation
        if far.any():
            moved[far] = self.exact.inverse(latents[far])
        return moved

    def _log_abs_det(self, latents: FloatArray) -> FloatArray:
        moved, far = latents @ self.exact.rotation.T, np.zeros(len(latents), dtype=bool)
        total = np.zeros(len(latents))
        for stage in self._there:
            moved, change = stage.log_abs_det(moved, far)
            total += change
        if far.any():
            total[far] = self.exact.log_abs_det(latents[far])
        return total

    def _by_chunk(self, move: Callable[[FloatArray], FloatArray], rows: FloatArray) -> FloatArray:
        threads = max((geodesic.threads for geodesic in self.exact.geodesics), default=1)
        chunks = [rows[start : start + _CHUNK] for start in range(0, max(len(rows), 1), _CHUNK)]
        return np.concatenate(run([partial(move, chunk) for chunk in chunks], threads))


def _through(stages: tuple[_Stage, ...], latents: FloatArray) -> tuple[FloatArray, np.ndarray]:
    """Return what tables make of latents, and where they do not reach."""
    far = np.zeros(len(latents), dtype=bool)
    for stage in stages:
        latents = stage.forward(latents, far)
    return latents, far


def tabulated(exact: Rearrangement, *, error: float = 1e-6) -> TabulatedRearrangement:
    """Return a rearrangement as a table; see `Rearrangement.tabulated`."""
    if not error > 0:
        raise ValueError(f"error: expected a positive number; got {error!r}.")
    if exact.domain == "torus":
        raise ValueError("tabulated: expected a rearrangement of normal latents; got one of angles. Use it itself.")
    if any(geodesic.grid.dim != 2 for geodesic in exact.geodesics):
        raise ValueError("tabulated: expected sweeps of planes; got a geodesic in space. Use the rearrangement itself.")
    rng, dim = np.random.default_rng(0), exact.dim
    # Gaussian latents, and others as far out as 9 or more, where the exact map serves
    z = np.concatenate([rng.standard_normal((4096, dim)), 3 * rng.standard_normal((1024, dim))])
    y = exact.forward(z)
    cells, there, error_there = _chosen(exact, z, y, error, backward=False)
    _, back, error_back = _chosen(exact, y, z, error, backward=True)
    found = TabulatedRearrangement(exact, cells, max(error_there, error_back), math.inf, there, back)
    return replace(found, density_error=float(np.max(np.abs(found.log_abs_det(z)))))


def _chosen(
    exact: Rearrangement, start: FloatArray, end: FloatArray, error: float, *, backward: bool
) -> tuple[int, tuple[_Stage, ...], float]:
    """Return the cells, the stages and the error of the first choice that takes `start` to `end` well enough."""
    reached = math.inf
    for cells, pieces in _CHOICES:
        stages = _stages(exact, cells, pieces, backward=backward)
        found = TabulatedRearrangement(exact, cells, math.inf, math.inf, stages, stages)
        moved = found.inverse(start) if backward else found.forward(start)
        reached = float(np.max(np.linalg.norm(moved - end, axis=1)))
        if 2 * reached <= error:  # the probes are a sample: others may fare a little worse
            return cells, stages, reached
    raise ResolutionError(
        f"error: expected one that tables of {_CHOICES[-1][0]} cells an axis reach, with a margin of two; got "
        f"{error:g}, they reach {reached:.1e}. Raise error, or use the rearrangement itself."
    )


def _stages(exact: Rearrangement, cells: int, pieces: int, *, backward: bool) -> tuple[_Stage, ...]:
    """Tabulate the map or its inverse; sweeps with the same axes and planes that follow each other share a stage."""
    stages = []
    for _, same in itertools.groupby(exact.sweeps, lambda sweep: (sweep.axes.tolist(), sweep.planes)):
        sweeps = list(same)
        tables = []
        for geodesics in zip(*(sweep.geodesics for sweep in sweeps), strict=True):
            cut = [piece for geodesic in geodesics for piece in _pieces(geodesic, pieces)]
            moves = [p.inverse_angles for p in cut[::-1]] if backward else [p.forward_angles for p in cut]
            tables.append(np.stack([_table(move, cells) for move in moves]))
        stages.append(_Stage(sweeps[0].axes, sweeps[0].planes, tuple(tables)))
    return tuple(stages[::-1] if backward else stages)


def _pieces(geodesic: Geodesic, count: int) -> list[Geodesic]:
    """Cut a geodesic into pieces of equal time, whose maps are smooth where the whole map has stretched and folded."""
    steps = math.ceil(geodesic.steps / count)
    pieces, field = [], geodesic.field0
    for _ in range(count):
        fine = max(FEWEST, math.ceil((geodesic.field_steps or geodesic.steps) / count))
        pieces.append(replace(geodesic, field0=field, time=geodesic.time / count, steps=steps, field_steps=fine))
        field = pieces[-1].field1
    return pieces
