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
from scipy.fft import dctn, idctn

from eulerot._kernels_spline import ORDER, interpolate
from eulerot._types import FloatArray
from eulerot.coordinates import to_box, to_latent
from eulerot.errors import ResolutionError, checked_samples
from eulerot.euler._workers import run

if TYPE_CHECKING:
    from eulerot.euler.geodesic import Geodesic
    from eulerot.rearrangement import Rearrangement

__all__ = ["TabulatedRearrangement", "tabulated"]

# What is tried in turn: points an axis, and the steps of a geodesic that share a table. One table in place of two is
# twice as fast, but a map that has stretched and folded for long needs many points
_CHOICES = ((64, 8), (128, 8), (256, 16), (512, 16), (256, 8), (512, 8), (1024, 8))
# Rows at a time: their arrays stay in the cache; results do not depend on the number of threads
_CHUNK = 4096
# Cells added at each end, filled by reflection
_BEYOND = ORDER // 2
# The central B-spline of order 8 at whole numbers of cells from its centre
_SPLINE = np.array([2416, 1191, 120, 1]) / 5040


@dataclass(frozen=True)
class _Table:
    """A map of the box by ``H_i(a) = log tan(X_i / 2) - log tan(a_i / 2)``, equation (18).

    Walls are invariant, so H is smooth and even across every wall: it is tabulated at cell centres, reflected, and
    interpolated by B-splines of order 8, whose coefficients are a cosine transform away.
    """

    coefs: FloatArray  # (points + ORDER, points + ORDER, 2)

    @classmethod
    def of(cls, move: Callable[[FloatArray], FloatArray], points: int) -> _Table:
        """Tabulate a map of signed wall distances."""
        centres = math.pi * (np.arange(points) + 0.5) / points
        signed = np.where(centres <= math.pi / 2, centres, centres - math.pi)
        start = np.stack(np.meshgrid(signed, signed, indexing="ij"), axis=-1)
        values = _log_tan(move(start.reshape(-1, 2)).reshape(start.shape)) - _log_tan(start)
        k = np.arange(points)
        response = _SPLINE[0] + 2 * sum(_SPLINE[m] * np.cos(m * k * math.pi / points) for m in (1, 2, 3))
        coefs = dctn(values, axes=(0, 1)) / (response[:, None, None] * response[:, None])
        return cls(np.pad(idctn(coefs, axes=(0, 1)), ((_BEYOND, _BEYOND), (_BEYOND, _BEYOND), (0, 0)), "symmetric"))

    def forward(self, distances: FloatArray, tan: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the moved points, as signed wall distances, and the tangents of half of them."""
        moved = tan * self._growth(distances)
        far = moved > 1  # nearer to the other wall: its distance keeps more digits
        tan = np.where(far, 1 / moved, moved)
        return np.copysign(2 * np.arctan(tan), np.where(far, -distances, distances)), tan

    def log_abs_det(self, distances: FloatArray, tan: FloatArray) -> FloatArray:
        """Return ``log |det DX|`` of the interpolant: ``sin X_i / sin a_i (delta_ij + sin a_i d_j H_i)``."""
        ratio = self._growth(distances)
        sines = 2 * tan / (1 + tan**2)
        jacobian = sines[:, :, None] * np.stack([self._interpolated(distances, axis) for axis in (0, 1)], axis=2)
        stretch = np.log(ratio) + np.log1p(tan**2) - np.log1p((tan * ratio) ** 2)
        return stretch.sum(axis=1) + np.log(np.abs(np.linalg.det(np.eye(2) + jacobian)))

    def _growth(self, distances: FloatArray) -> FloatArray:
        """Return the growth of the tangents of half the distances from the wall that the sign names."""
        logs = self._interpolated(distances)
        return np.exp(np.where(np.signbit(distances), -logs, logs))

    def _interpolated(self, distances: FloatArray, axis: int = -1) -> FloatArray:
        cells = (len(self.coefs) - ORDER) / math.pi
        positions = np.where(np.signbit(distances), math.pi + distances, distances)
        values = np.empty(distances.shape)
        # coefficient j belongs to the centre at j + 1/2 - _BEYOND; the first spline that counts is three cells before
        interpolate(self.coefs, positions * cells + (_BEYOND - 0.5 - (ORDER // 2 - 1)), axis, values)
        return values if axis < 0 else values * cells


def _entered(latents: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the signed wall distances of latents, and the tangents of half of them."""
    distances = to_box(latents)
    return distances, np.tan(0.5 * np.abs(distances))


def _log_tan(distances: FloatArray) -> FloatArray:
    """Return ``log tan(x / 2)`` of positions given as signed wall distances."""
    logs = np.log(np.tan(0.5 * np.abs(distances)))
    return np.where(np.signbit(distances), -logs, logs)


@dataclass(frozen=True)
class _Stage:
    """Sweeps with the same axes and planes, several tables in each plane: ``Q^T o (X_1 x X_2 x ...) o Q``."""

    axes: FloatArray
    planes: tuple[tuple[int, ...], ...]
    tables: tuple[tuple[_Table, ...], ...]

    def forward(self, latents: FloatArray) -> FloatArray:
        turned = latents @ self.axes.T
        for tables, plane in zip(self.tables, self.planes, strict=True):
            distances, tan = _entered(turned[:, plane])
            for table in tables:
                distances, tan = table.forward(distances, tan)
            turned[:, plane] = to_latent(distances)
        return turned @ self.axes

    def log_abs_det(self, latents: FloatArray) -> FloatArray:
        turned, total = latents @ self.axes.T, np.zeros(len(latents))
        for tables, plane in zip(self.tables, self.planes, strict=True):
            distances, tan = _entered(turned[:, plane])
            for table in tables:
                total += table.log_abs_det(distances, tan)
                distances, tan = table.forward(distances, tan)
        return total


@dataclass(frozen=True)
class TabulatedRearrangement:
    """A rearrangement that is read from tables; made by `Rearrangement.tabulated`.

    Attributes
    ----------
    exact : Rearrangement
        The map that was tabulated.
    points : int
        Points an axis of each table.
    error : float
        The largest distance between this map and the exact one, or between their inverses, at probes that the tables
        do not contain, tails included.
    density_error : float
        The largest ``|log_abs_det|`` of this map at the probes, equation (16).
    """

    exact: Rearrangement
    points: int
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
        latents = latents @ self.exact.rotation.T
        for stage in self._there:
            latents = stage.forward(latents)
        return latents

    def _inverse(self, latents: FloatArray) -> FloatArray:
        for stage in self._back:
            latents = stage.forward(latents)
        return latents @ self.exact.rotation

    def _log_abs_det(self, latents: FloatArray) -> FloatArray:
        latents, total = latents @ self.exact.rotation.T, np.zeros(len(latents))
        for stage in self._there:
            total += stage.log_abs_det(latents)
            latents = stage.forward(latents)
        return total

    def _by_chunk(self, move: Callable[[FloatArray], FloatArray], rows: FloatArray) -> FloatArray:
        threads = max((geodesic.threads for geodesic in self.exact.geodesics), default=1)
        chunks = [rows[start : start + _CHUNK] for start in range(0, max(len(rows), 1), _CHUNK)]
        return np.concatenate(run([partial(move, chunk) for chunk in chunks], threads))


def tabulated(exact: Rearrangement, *, error: float = 1e-6) -> TabulatedRearrangement:
    """Return a rearrangement as a table; see `Rearrangement.tabulated`."""
    if not error > 0:
        raise ValueError(f"error: expected a positive number; got {error!r}.")
    if exact.domain == "torus":
        raise ValueError("tabulated: expected a rearrangement of normal latents; got one of angles. Use it itself.")
    if any(geodesic.grid.dim != 2 for geodesic in exact.geodesics):
        raise ValueError("tabulated: expected sweeps of planes; got a geodesic in space. Use the rearrangement itself.")
    rng, dim = np.random.default_rng(0), exact.dim
    # Gaussian latents, and others as far out as 9 or more, where the exact map serves too
    z = np.concatenate([rng.standard_normal((4096, dim)), 3 * rng.standard_normal((1024, dim))])
    y, before = exact.forward(z), exact.inverse(z)
    reached = math.inf
    for points, steps in _CHOICES:
        found = TabulatedRearrangement(exact, points, math.inf, math.inf, *_stages(exact, points, steps))
        reached = float(max(_distance(found.forward(z), y), _distance(found.inverse(z), before)))
        if 2 * reached <= error:  # the probes are a sample: others may fare a little worse
            density_error = float(np.max(np.abs(found.log_abs_det(z))))
            return TabulatedRearrangement(exact, points, reached, density_error, found._there, found._back)
    raise ResolutionError(
        f"error: expected one that tables of {_CHOICES[-1][0]} points an axis reach, with a margin of two; got "
        f"{error:g}, they reach {reached:.1e}. Raise error, or use the rearrangement itself."
    )


def _distance(one: FloatArray, other: FloatArray) -> float:
    return float(np.max(np.linalg.norm(one - other, axis=1)))


def _stages(exact: Rearrangement, points: int, steps: int) -> tuple[tuple[_Stage, ...], tuple[_Stage, ...]]:
    """Tabulate the map and its inverse; sweeps with the same axes and planes that follow each other share a stage."""
    there, back = [], []
    for _, same in itertools.groupby(exact.sweeps, lambda sweep: (sweep.axes.tolist(), sweep.planes)):
        sweeps = list(same)
        by_plane = zip(*(sweep.geodesics for sweep in sweeps), strict=True)
        pieces = [[piece for geodesic in geodesics for piece in _pieces(geodesic, steps)] for geodesics in by_plane]
        tables = tuple(tuple(_Table.of(piece.forward_angles, points) for piece in several) for several in pieces)
        inverses = tuple(tuple(_Table.of(p.inverse_angles, points) for p in reversed(several)) for several in pieces)
        there.append(_Stage(sweeps[0].axes, sweeps[0].planes, tables))
        back.append(_Stage(sweeps[0].axes, sweeps[0].planes, inverses))
    return tuple(there), tuple(back[::-1])


def _pieces(geodesic: Geodesic, steps: int) -> list[Geodesic]:
    """Cut a geodesic into pieces of equal time, whose maps are smooth where the whole map has stretched and folded."""
    count = math.ceil(geodesic.steps / steps)
    pieces, field = [], geodesic.field0
    for _ in range(count):
        pieces.append(replace(geodesic, field0=field, time=geodesic.time / count, steps=steps, field_steps=3 * steps))
        field = pieces[-1].field1
    return pieces
