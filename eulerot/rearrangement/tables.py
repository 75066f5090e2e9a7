"""Tables of geodesics in planes: splines of the displacement of latents, equation (19), as stages of a map."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from eulerot._linear_algebra import product
from eulerot._types import FloatArray
from eulerot.latent.chart import to_box, to_latent
from eulerot.rearrangement._kernels import EDGE, ORDER, SCALE, displace, slopes
from eulerot.rearrangement.sweep import Sweep

__all__ = ["Stage", "stage_of", "through"]


def _table(move: Callable[[FloatArray], FloatArray], cells: int) -> FloatArray:
    """Return the spline coefficients of a map of the box: of the displacement of latents, equation (19).

    A spline of order 8 on equal cells has six coefficients more than there are knots: it goes through the middles of
    the three outermost cells, too.
    """
    from scipy.interpolate import make_interp_spline  # takes long to import

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
class Stage:
    """A sweep, several tables in each plane: ``Q^T o (X_1 x X_2 x ...) o Q``."""

    axes: FloatArray
    planes: tuple[tuple[int, ...], ...]
    tables: tuple[FloatArray, ...]  # one a plane, shape (pieces, m, m, 2)

    def forward(self, latents: FloatArray, far: np.ndarray) -> FloatArray:
        """Return moved latents; set `far` where tables do not reach."""
        rotated = product(latents, self.axes.T)
        for tables, plane in zip(self.tables, self.planes, strict=True):
            pair = np.ascontiguousarray(rotated[:, plane])
            displace(tables, pair, far)
            rotated[:, plane] = pair
        return product(rotated, self.axes)

    def log_abs_det(self, latents: FloatArray, far: np.ndarray) -> tuple[FloatArray, FloatArray]:
        """Return moved latents, and ``log |det D|`` of the interpolant with the change of the Gaussian density."""
        rotated, total = product(latents, self.axes.T), np.zeros(len(latents))
        for tables, plane in zip(self.tables, self.planes, strict=True):
            pair = np.ascontiguousarray(rotated[:, plane])
            total += 0.5 * np.sum(pair**2, axis=1)
            for table in tables:
                jacobian = np.empty((len(pair), 2, 2))
                slopes(table, pair, jacobian)
                total += np.log(np.abs(np.linalg.det(np.eye(2) + jacobian)))
                displace(table[None], pair, far)
            total -= 0.5 * np.sum(pair**2, axis=1)
            rotated[:, plane] = pair
        return product(rotated, self.axes), total


def through(stages: tuple[Stage, ...], latents: FloatArray) -> tuple[FloatArray, np.ndarray]:
    """Return what tables make of latents, and where they do not reach."""
    far = np.zeros(len(latents), dtype=bool)
    for stage in stages:
        latents = stage.forward(latents, far)
    return latents, far


def stage_of(sweep: Sweep, cells: int, pieces: int, *, backward: bool) -> Stage:
    """Tabulate a sweep or its inverse.

    Each geodesic is cut into pieces of equal time, whose maps are smooth where the whole map has stretched and folded.
    """
    shares, tables = np.arange(1, pieces + 1) / pieces, []
    for geodesic in sweep.geodesics:
        parts = list(geodesic.parts(shares))
        maps = [part.inverse_flow_map for part in parts[::-1]] if backward else [part.flow_map for part in parts]
        tables.append(np.stack([_table(flow_map.advance, cells) for flow_map in maps]))
    return Stage(sweep.axes, sweep.planes, tuple(tables))
