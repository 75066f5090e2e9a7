"""Pointwise operations on few points of the box, whose transforms are products with matrices.

Up to some hundred points an axis that is faster than fast transforms are. A wave is even or odd about the middle of its
axis: the even ones and the odd ones are summed on half of the points, and their sum and difference are the values there
and at the points opposite, for half of the multiplications.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from eulerot._linear_algebra import ALONE, LIBRARY
from eulerot._threads import PerThread
from eulerot._types import FloatArray
from eulerot.euler.grid import MOST_DENSE, Grid
from eulerot.euler.transforms import _kernels
from eulerot.euler.transforms.layout import Parity

__all__ = ["DensePointwise", "analyses", "dense_pays", "places_of", "sorted_places", "syntheses"]

# The factors of a product and its result
_Product = tuple[FloatArray, FloatArray, FloatArray]
# The arrays at the beginning and the end, and the products between them
_Way = tuple[FloatArray, FloatArray, list[_Product]]


def dense_pays(grid: Grid) -> bool:
    """Return whether matrices are faster than fast transforms."""
    few = grid.walls and max(grid.product_points) <= MOST_DENSE[grid.dim]
    return few and (grid.dim == 2 or _widest(grid) <= ALONE)


def _widest(grid: Grid) -> int:
    """Return the multiplications of the largest product in space; the library is to leave it to one thread.

    More threads would add in another order, so that bits depended on their number.
    """
    points, waves = _halves(grid)
    return max(points[0] * math.prod(waves), math.prod(points) * waves[-1])


def _halves(grid: Grid) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return for each axis half the number of points, and the most waves that are even or odd about its middle."""
    return tuple((n + 1) // 2 for n in grid.product_points), tuple((n + 1) // 2 for n in grid.shape_hat)


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
        self.grid, self.kernel = grid, kernel
        self._into, self._back = syntheses(grid, inputs), analyses(grid, outputs)
        self._sorted = np.stack([sorted_places(grid, parity) for parity in inputs])
        self._places = np.stack(
            [places_of(sorted_places(grid, parity), math.prod(grid.shape_hat)) for parity in outputs]
        )
        self._work = PerThread(self._room)  # made once: fresh memory of this size is slower to get than to fill

    def __call__(self, fields_hat: FloatArray, out: FloatArray | None = None) -> FloatArray:
        """Return the kept coefficients of the operation's outputs, shape ``(outputs, *shape_hat)``."""
        out = self.grid.zeros_hat(len(self._places)) if out is None else out
        (first, inputs, into), (outputs, last, back) = self._work.value
        _kernels.gather(fields_hat.reshape(len(fields_hat), -1), self._sorted, first)
        with LIBRARY:
            for a, b, product in into:
                np.matmul(a, b, out=product)
        _kernels.sums_and_differences(inputs)
        self.kernel(inputs.reshape(len(inputs), -1), outputs.reshape(len(outputs), -1))
        _kernels.sums_and_differences(outputs)
        with LIBRARY:
            for a, b, product in back:
                np.matmul(a, b, out=product)
        _kernels.gather(last, self._places, out.reshape(len(out), -1))
        return out

    def _room(self) -> tuple[_Way, _Way]:
        """Return what is between coefficients and values on the way in, and between values and coefficients.

        Arrays have axes for the fields, for even or odd waves about the middle of each axis, and for halves of the
        points or of the waves along each axis. The products go from one array to the next.
        """
        points, waves, d = *_halves(self.grid), self.grid.dim
        shapes = [(*[2] * d, *points[:axis], *waves[axis:]) for axis in range(d + 1)]
        into, back = ([np.empty((len(each), *s)) for s in shapes] for each in (self._sorted, self._places))
        there = [_product(self._into[i], into[i], into[i + 1], i) for i in range(d)]
        here = [_product(self._back[i], back[i + 1], back[i], i) for i in reversed(range(d))]
        first, last = (each[0].reshape(len(each[0]), -1) for each in (into, back))
        inputs, outputs = (each[-1].reshape(len(each[-1]), 2**d, -1) for each in (into, back))
        return (first, inputs, there), (outputs, last, here)


def _product(matrices: FloatArray, before: FloatArray, after: FloatArray, axis: int) -> _Product:
    """Return the factors and the result of the product along one axis of each field, as `numpy.matmul` takes them.

    `matrices` are of shape ``(fields, 2, rows, columns)``, for even and for odd waves.
    """
    d = before.ndim // 2
    classes = [2 if other == axis else 1 for other in range(d)]
    if axis == d - 1:  # from the right, with all other axes as rows
        rows, result = (each.reshape(*each.shape[: d + 1], -1, each.shape[-1]) for each in (before, after))
        factor = np.ascontiguousarray(matrices.swapaxes(2, 3))
        return rows, factor.reshape(len(factor), *classes, *factor.shape[2:]), result
    columns, result = (each.reshape(*each.shape[: d + axis + 2], -1) for each in (before, after))
    return matrices.reshape(len(matrices), *classes, *[1] * axis, *matrices.shape[2:]), columns, result


def syntheses(grid: Grid, parities: Sequence[Parity]) -> list[FloatArray]:
    """Return for each axis the waves of each field."""
    return [np.stack([_waves(grid, axis, parity[axis]) for parity in parities]) for axis in range(grid.dim)]


def analyses(grid: Grid, parities: Sequence[Parity]) -> list[FloatArray]:
    """Return for each axis the transposed waves of each field over the sums of their squares."""
    matrices = []
    for axis, waves in enumerate(syntheses(grid, parities)):
        norms = np.stack([_norms(grid, axis, parity[axis]) for parity in parities])
        matrices.append(np.ascontiguousarray((waves * norms).swapaxes(2, 3)))
    return matrices


def _waves(grid: Grid, axis: int, name: str) -> FloatArray:
    """Return even and odd waves about the middle of an axis, on half of the points, shape ``(2, points, waves)``."""
    count, k = grid.product_points[axis], grid.axis_modes[axis]
    points, most = (each[axis] for each in _halves(grid))
    waves = np.zeros((2, points, most))
    for number, places in enumerate(_even_and_odd(k, name)):
        # in whole parts of a turn, so that large angles are exact as well
        parts = np.outer(2 * np.arange(points) + 1, k[places]) % (4 * count)
        angles = parts * (math.pi / (2 * count))
        waves[number, :, : len(places)] = np.sin(angles) if name == "sin" else np.cos(angles)
    return waves


def _norms(grid: Grid, axis: int, name: str) -> FloatArray:
    """Return what makes the transposed waves the analysis: one over the sum of their squares, shape ``(2, p, w)``.

    With an odd number of points the one in the middle is opposite to itself, and is there twice.
    """
    count, k = grid.product_points[axis], grid.axis_modes[axis]
    points, most = (each[axis] for each in _halves(grid))
    norms = np.zeros((2, points, most))
    for number, places in enumerate(_even_and_odd(k, name)):
        norms[number, :, : len(places)] = np.where(k[places] > 0, 2.0, 1.0) / count
    norms[:, count // 2 :] *= 0.5
    return norms


def _even_and_odd(k: FloatArray, name: str) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the places of the modes whose waves are even about the middle of an axis, and of those that are odd."""
    even = k % 2 == (1 if name == "sin" else 0)
    return np.flatnonzero(even), np.flatnonzero(~even)


def sorted_places(grid: Grid, parity: Parity, multiples: Sequence[int] = (1, 1, 1)) -> NDArray[np.intp]:
    """Return the places of a field's coefficients, sorted into even and odd waves along each axis; -1 for none.

    Of either kind there are as many, a multiple of a number for each axis.
    """
    waves, every = [most + -most % each for most, each in zip(_halves(grid)[1], multiples, strict=False)], []
    for k, name, most in zip(grid.axis_modes, parity, waves, strict=True):
        every.append([np.pad(each, (0, most - len(each)), constant_values=-1) for each in _even_and_odd(k, name)])
    classes = []
    for some in itertools.product(*every):
        places = np.meshgrid(*some, indexing="ij")
        flat = np.ravel_multi_index([np.maximum(each, 0) for each in places], grid.shape_hat)
        classes.append(np.where(np.min(places, axis=0) < 0, -1, flat).ravel())
    return np.concatenate(classes)


def places_of(places: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Return where each of so many coefficients is among sorted ones."""
    found = np.empty(count, dtype=np.intp)
    here = np.flatnonzero(places >= 0)
    found[places[here]] = here
    return found
