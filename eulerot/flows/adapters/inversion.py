"""Invert a map numerically: by Newton's method, damped, from several starts, then along a path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from eulerot._jacobian import jacobians
from eulerot._types import FloatArray
from eulerot.errors import FlowError

__all__ = ["NumericalInverse"]

Map = Callable[[FloatArray], FloatArray]

ITERATIONS = 30
STARTS = 4
PATH = 24


@dataclass(frozen=True)
class NumericalInverse:
    """The inverse of a map of rows, where only the map is at hand.

    Newton's method with central differences starts from the known point whose image lies nearest, its steps halved
    until the residual falls; rows that do not converge start again from the next nearest, and last follow the straight
    path from the nearest image to the target in short steps.

    Parameters
    ----------
    function : callable
        The map.
    starts, images : ndarray, shape (m, d)
        Points and their images: where to start.
    precision : float
        The rounding unit of the map.
    name : str
        The name of the missing map, for the message.

    Examples
    --------
    >>> starts = np.linspace(-2.0, 2.0, 9)[:, None]
    >>> inverse = NumericalInverse(lambda z: z**3 + z, starts, starts**3 + starts, 1e-16, "inverse")
    >>> bool(abs(inverse(np.array([[10.0]])) - 2.0) < 1e-9)
    True
    """

    function: Map
    starts: FloatArray
    images: FloatArray
    precision: float
    name: str

    @classmethod
    def from_starts(cls, function: Map, starts: FloatArray, precision: float, name: str) -> NumericalInverse:
        """Return the inverse that starts from some points, whose images are computed."""
        draft = cls(function, starts, starts, precision, name)
        return replace(draft, images=draft._values(starts))

    @property
    def tolerance(self) -> float:
        """The residual that is allowed, relative to ``1 + |target|``."""
        return max(1e-10, 128 * self.precision)

    @property
    def step(self) -> float:
        """The step of the differences: rounding against the third derivative."""
        return float(self.precision ** (1 / 3))

    def __call__(self, targets: FloatArray) -> FloatArray:
        """Return the points whose images are the targets.

        Raises
        ------
        FlowError
            If some rows do not converge, with their share.
        """
        from scipy.spatial import cKDTree  # takes long to import, and few flows need it

        known = np.isfinite(self.images).all(axis=1)
        starts, images = self.starts[known], self.images[known]
        if not known.any():
            raise FlowError(
                f"flow: its {self.name} is sought numerically, and expected some finite values of its other map to "
                f"start from; got none of {len(self.images)}. Pass {self.name}= to eulerot.flow."
            )
        nearest = np.reshape(cKDTree(images).query(targets, k=min(STARTS, len(images)))[1], (len(targets), -1))
        solution, solved = starts[nearest[:, 0]], np.zeros(len(targets), dtype=bool)
        for choice in nearest.T:
            rows = np.flatnonzero(~solved)
            if len(rows) == 0:
                return solution
            solution[rows], solved[rows] = self._newton(targets[rows], starts[choice[rows]])
        rows = np.flatnonzero(~solved)
        solution[rows], solved[rows] = self._along_path(targets[rows], starts[nearest[rows, 0]])
        if not solved.all():
            raise FlowError(
                f"flow: its {self.name} was sought numerically, and not found for {np.mean(~solved):.2%} of "
                f"{len(targets)} rows (the first is row {int(np.argmax(~solved))}; allowed residual "
                f"{self.tolerance:.0e}). Pass {self.name}= to eulerot.flow, or a flow that is smoother there."
            )
        return solution

    def _residual(self, points: FloatArray, targets: FloatArray) -> tuple[FloatArray, FloatArray]:
        gap = self._values(points) - targets
        size = np.abs(gap).max(axis=1) / (1 + np.abs(targets).max(axis=1))
        return gap, np.where(np.isfinite(size), size, np.inf)

    def _values(self, points: FloatArray) -> FloatArray:
        """Return the values of the map; infinite ones at points, too far off a step, where its own code fails."""
        try:
            return np.asarray(self.function(points), dtype=float)
        except FlowError:
            if len(points) == 1:
                return np.full_like(points, np.inf)
            middle = len(points) // 2
            return np.concatenate([self._values(points[:middle]), self._values(points[middle:])])

    def _newton(self, targets: FloatArray, starts: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
        points = starts.copy()
        gap, size = self._residual(points, targets)
        stuck = np.zeros(len(points), dtype=bool)
        for _ in range(ITERATIONS):
            rows = np.flatnonzero((size > self.tolerance) & ~stuck)
            if len(rows) == 0:
                break
            jacobian = jacobians(self._values, points[rows], self.step)
            steps = _solved(jacobian, gap[rows])
            stuck[rows] = True
            damping = 1.0
            while len(rows) and damping > 1e-4:
                trial = points[rows] - damping * steps
                new_gap, new_size = self._residual(trial, targets[rows])
                better = new_size < (1 - 0.1 * damping) * size[rows]
                points[rows[better]], gap[rows[better]], size[rows[better]] = (
                    v[better] for v in (trial, new_gap, new_size)
                )
                stuck[rows[better]] = False
                rows, steps, damping = rows[~better], steps[~better], damping / 2
        return points, size <= self.tolerance

    def _along_path(self, targets: FloatArray, starts: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
        points, begin = starts, self._values(starts)
        for share in np.linspace(0.0, 1.0, PATH + 1)[1:]:
            points, solved = self._newton(begin + share * (targets - begin), points)
        return points, solved


def _solved(matrices: FloatArray, right: FloatArray) -> FloatArray:
    """Solve small systems, singular ones in the least squares sense; the solution is zero where one is not finite."""
    usable = np.isfinite(matrices).all(axis=(1, 2))
    steps = np.zeros_like(right)
    steps[usable] = (np.linalg.pinv(matrices[usable], rcond=1e-12) @ right[usable][..., None])[..., 0]
    return steps
