"""Pointwise operations on few points of the box, whose transforms are products with matrices.

Up to some hundred points an axis that is faster than fast transforms are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from eulerot._linear_algebra import ALONE, LIBRARY
from eulerot._threads import PerThread
from eulerot._types import FloatArray
from eulerot.euler.grid import Grid
from eulerot.euler.transforms.passes import Parity

__all__ = ["DensePointwise", "dense_pays"]

# The most points an axis, in the plane and in space
_MOST = {2: 96, 3: 48}


def dense_pays(grid: Grid) -> bool:
    """Return whether matrices are faster than fast transforms."""
    return grid.walls and max(grid.product_points) <= _MOST[grid.dim] and _pieces(grid) > 0


def _pieces(grid: Grid) -> int:
    """Return the fewest equal pieces of the first axis whose products the library leaves to one thread; 0 if none are.

    More threads would add in another order, so that bits depended on their number.
    """
    points, kept = grid.product_points[0], math.prod(grid.shape_hat[1:])
    widest = max(grid.shape_hat[0] * kept, grid.product_points[-1] * grid.shape_hat[-1])
    pieces = (n for n in range(1, points + 1) if points % n == 0 and points // n * widest <= ALONE)
    return next(pieces, 0)


class DensePointwise:
    """A pointwise operation on fields of the box: synthesis, values, analysis; the same as `Pointwise`.

    Parameters
    ----------
    grid : Grid
        Domain and truncation.
    inputs, outputs : sequence of Parity
        Parities of the fields that go in and come out.
    kernel : callable
        ``kernel(values_in, values_out)`` on arrays of shape ``(fields, points)``; it fills the second.

    Examples
    --------
    >>> grid = Grid((8, 8), "cube")
    >>> def square(values, out):
    ...     out[0] = values[0] ** 2
    >>> squared = DensePointwise(grid, [("sin", "cos")], [("cos", "cos")], square)
    >>> field_hat = np.zeros((1, *grid.shape_hat))
    >>> field_hat[0, 0, 0] = 2.0  # 2 sin x cos y, whose square is 1 - cos 2x + cos 2y - cos 2x cos 2y
    >>> np.round(squared(field_hat)[0, 1, 1], 12)
    np.float64(-1.0)
    """

    def __init__(
        self,
        grid: Grid,
        inputs: Sequence[Parity],
        outputs: Sequence[Parity],
        kernel: Callable[[FloatArray, FloatArray], None],
    ) -> None:
        self.grid, self.kernel, axes = grid, kernel, range(grid.dim)
        self._into = [np.stack([_waves(grid, axis, parity[axis]) for parity in inputs]) for axis in axes]
        self._back = [np.stack([_waves(grid, axis, parity[axis]).T for parity in outputs]) for axis in axes]
        for axis, matrices in enumerate(self._back):
            matrices *= _norms(grid, axis)
        self._pieces = _pieces(grid)
        self._work = PerThread(self._room)  # made once: fresh memory of this size is slower to get than to fill

    def __call__(self, fields_hat: FloatArray, out: FloatArray | None = None) -> FloatArray:
        """Return the kept coefficients of the operation's outputs, shape ``(outputs, *shape_hat)``."""
        out = self.grid.zeros_hat(len(self._back[0])) if out is None else out
        into, back = self._work.value
        with LIBRARY:
            self._synthesise(fields_hat[: len(into[-1])], into)
        self.kernel(into[-1].reshape(len(into[-1]), -1), back[0].reshape(len(back[0]), -1))
        with LIBRARY:
            self._analyse(back, out)
        return out

    def _room(self) -> tuple[list[FloatArray], list[FloatArray]]:
        """Return what is between coefficients and values on the way in, and between values and coefficients."""
        points, kept, d = self.grid.product_points, self.grid.shape_hat, self.grid.dim
        into = [np.empty((len(self._into[0]), *points[:axis], *kept[axis:])) for axis in range(1, d + 1)]
        back = [np.empty((len(self._back[0]), *points[:axis], *kept[axis:])) for axis in range(d, 0, -1)]
        back.append(np.empty((len(self._back[0]), self._pieces, kept[0], math.prod(kept[1:]))))
        return into, back

    def _synthesise(self, fields: FloatArray, parts: list[FloatArray]) -> None:
        """Fill the values of fields at the points: a product along each axis, the first one first."""
        (count, points, modes), pieces = self._into[0].shape, self._pieces
        first = self._into[0].reshape(count, pieces, -1, modes)
        np.matmul(first, fields.reshape(count, 1, modes, -1), out=parts[0].reshape(*first.shape[:3], -1))
        if len(parts) == 3:
            np.matmul(self._into[1][:, None], parts[0], out=parts[1])
            pieces = points
        rows = parts[-2].reshape(count, pieces, -1, parts[-2].shape[-1])
        np.matmul(rows, self._into[-1].swapaxes(1, 2)[:, None], out=parts[-1].reshape(*rows.shape[:3], -1))

    def _analyse(self, parts: list[FloatArray], out: FloatArray) -> None:
        """Fill the kept coefficients of values: a product along each axis, the last one first."""
        (count, modes, points), pieces = self._back[0].shape, self._pieces
        rows = parts[0].reshape(count, points if len(parts) == 4 else pieces, -1, parts[0].shape[-1])
        np.matmul(rows, self._back[-1].swapaxes(1, 2)[:, None], out=parts[1].reshape(*rows.shape[:3], -1))
        if len(parts) == 4:
            np.matmul(self._back[1][:, None], parts[1], out=parts[2])
        first = self._back[0].reshape(count, modes, pieces, -1).swapaxes(1, 2)
        np.matmul(first, parts[-2].reshape(count, pieces, points // pieces, -1), out=parts[-1])
        np.sum(parts[-1], axis=1, out=out.reshape(count, modes, -1))


def _waves(grid: Grid, axis: int, name: str) -> FloatArray:
    """Return the sines or cosines of the kept modes at the points of an axis, shape ``(points, modes)``."""
    points = grid.product_points[axis]
    # in whole parts of a turn, so that large angles are exact as well
    parts = np.outer(2 * np.arange(points) + 1, grid.axis_modes[axis]) % (4 * points)
    angles = parts * (math.pi / (2 * points))
    return np.sin(angles) if name == "sin" else np.cos(angles)


def _norms(grid: Grid, axis: int) -> FloatArray:
    """Return what makes the transposed waves the analysis: one over the sum of their squares."""
    return (np.where(grid.axis_modes[axis] > 0, 2.0, 1.0) / grid.product_points[axis])[:, None]
