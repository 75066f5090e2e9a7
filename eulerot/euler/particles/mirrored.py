"""Products along the axes of arrays with matrices whose columns are even or odd about the middle of their rows.

Waves at points that lie symmetrically are such columns. Even and odd ones are summed apart on half of the rows; their
sum and their difference are the values there and at the rows opposite, for half of the multiplications.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from eulerot._linear_algebra import ALONE, LIBRARY
from eulerot._threads import run_tasks
from eulerot._types import FloatArray

__all__ = ["Mirrored", "along_axes", "along_axes_transposed"]

# Numbers of a piece of a result: fewer take a thread as long as its wait for the interpreter, more leave the cache
_FEWEST, _MOST = 2**17, 2**19
# The least columns of a piece of a product: packing its other factor takes long
_COLUMNS = 32


@dataclass(frozen=True)
class Mirrored:
    """A matrix whose columns are even or odd about the middle of its rows.

    Attributes
    ----------
    even, odd : ndarray, shape (half, k)
        The first half of the rows, with the one in the middle if there is one: of even columns, and of odd ones.
    rows : int
        The number of all rows.
    order : ndarray, shape (columns,)
        The columns of the matrix, even ones first.

    Examples
    --------
    >>> matrix = np.array([[1.0, 3.0], [2.0, 0.0], [-1.0, 3.0]])  # odd, even
    >>> found = Mirrored.of(matrix, np.array([False, True]))
    >>> found.even, found.odd, found.order
    (array([[3.],
           [0.]]), array([[1.],
           [2.]]), array([1, 0]))
    """

    even: FloatArray
    odd: FloatArray
    rows: int
    order: NDArray[np.intp]

    @classmethod
    def of(cls, matrix: FloatArray, is_even: NDArray[np.bool_]) -> Mirrored:
        """Return a matrix, given which of its columns are even."""
        half, classes = (len(matrix) + 1) // 2, (np.flatnonzero(is_even), np.flatnonzero(~is_even))
        even, odd = (np.ascontiguousarray(matrix[:half, columns]) for columns in classes)
        return cls(even, odd, len(matrix), np.concatenate(classes))

    def times(self, stack: FloatArray, out: FloatArray) -> None:
        """Set `out`, shape ``(s, rows, n)``, to ``matrix @ each`` for a stack of columns whose rows are in `order`."""
        half, count = self.even.shape
        even, odd = np.empty((2, len(stack), half, stack.shape[2]))
        _multiply(self.even, stack[:, :count], even)
        _multiply(self.odd, stack[:, count:], odd)
        opposite = self.rows - half
        np.add(even, odd, out=out[:, :half])
        np.subtract(even[:, :opposite], odd[:, :opposite], out=out[:, ::-1][:, :opposite])

    def transposed_times(self, stack: FloatArray, out: FloatArray) -> None:
        """Set `out`, whose rows are in `order`, to ``matrix.T @ each`` for a stack of shape ``(s, rows, n)``."""
        half, count = self.even.shape
        opposite = self.rows - half
        even, odd = np.empty((2, len(stack), half, stack.shape[2]))
        here, there = stack[:, :half], stack[:, ::-1][:, :opposite]
        for combine, each in ((np.add, even), (np.subtract, odd)):
            combine(here[:, :opposite], there, out=each[:, :opposite])
            each[:, opposite:] = here[:, opposite:]
        _multiply(self.even.T, even, out[:, :count])
        _multiply(self.odd.T, odd, out[:, count:])


def along_axes(matrices: Sequence[Mirrored], stack: FloatArray, out: FloatArray, *, threads: int = 1) -> None:
    """Set `out` to each array of a stack, multiplied along each axis by its matrix; on any number of threads alike.

    Examples
    --------
    >>> matrix = np.array([[1.0, 3.0], [-1.0, 3.0]])
    >>> each, out = np.array([[[1.0, 2.0], [3.0, 5.0]]]), np.empty((1, 2, 2))
    >>> along_axes([Mirrored.of(matrix, np.array([False, True]))] * 2, each, out)
    >>> bool(np.allclose(out[0], matrix @ each[0] @ matrix.T))
    True
    """
    order = _order(matrices)

    def work(piece: slice) -> None:
        terms = stack[piece].reshape(-1, order.size).take(order.ravel(), axis=1)
        _forward(matrices, terms.reshape(-1, *order.shape), out[piece])

    run_tasks([partial(work, piece) for piece in _pieces(out, threads)], threads)


def along_axes_transposed(matrices: Sequence[Mirrored], stack: FloatArray, *, threads: int = 1) -> FloatArray:
    """Return each array of a stack, multiplied along each axis by its transposed matrix; see `along_axes`."""
    order = _order(matrices)
    result = np.empty((len(stack), *order.shape))

    def work(piece: slice) -> None:
        part = np.empty_like(result[piece])
        _backward(matrices, stack[piece], part)
        result[piece].reshape(len(part), -1)[:, order.ravel()] = part.reshape(len(part), -1)

    run_tasks([partial(work, piece) for piece in _pieces(stack, threads)], threads)
    return result


def _forward(matrices: Sequence[Mirrored], part: FloatArray, out: FloatArray) -> None:
    """Take products along the last axis, which becomes the first: after one for each axis all are in their places."""
    for number, matrix in enumerate(reversed(matrices), 1):
        shape = (len(part), matrix.rows, *part.shape[1:-1])
        into = out if number == len(matrices) else np.empty(shape)
        columns = part.reshape(len(part), -1, part.shape[-1]).swapaxes(1, 2)
        matrix.times(columns, into.reshape(*shape[:2], -1))
        part = into


def _backward(matrices: Sequence[Mirrored], part: FloatArray, out: FloatArray) -> None:
    """Take products along the first axis, which becomes the last: the transpose of `_forward`."""
    for number, matrix in enumerate(matrices, 1):
        shape = (*part.shape[:1], *part.shape[2:], len(matrix.order))
        into = out if number == len(matrices) else np.empty(shape)
        rows = into.reshape(len(part), -1, shape[-1])
        matrix.transposed_times(part.reshape(len(part), matrix.rows, -1), rows.swapaxes(1, 2))
        part = into


def _order(matrices: Sequence[Mirrored]) -> NDArray[np.intp]:
    """Return where the sorted terms are among those of an array."""
    orders = [matrix.order for matrix in matrices]
    return np.ravel_multi_index(np.ix_(*orders), [len(order) for order in orders])


def _pieces(arrays: FloatArray, threads: int) -> Iterator[slice]:
    """Yield slices of the stack; each array is computed for itself, so that no number depends on them."""
    count = max(-(-arrays.size // _MOST), min(threads, arrays.size // _FEWEST), 1)
    return _parts(len(arrays), max(1, -(-len(arrays) // count)))


def _parts(count: int, most: int) -> Iterator[slice]:
    """Yield slices of so many places, about equal and none longer than `most`."""
    edges = np.linspace(0, count, -(-count // most) + 1).astype(int)
    return (slice(*each) for each in itertools.pairwise(edges))


def _multiply(matrix: FloatArray, stack: FloatArray, out: FloatArray) -> None:
    """Set `out` to ``matrix @ each``, in pieces that the library leaves to one thread."""
    (m, k), n = matrix.shape, stack.shape[2]
    if min(m, k, n) <= 1:  # no matrix product to the library, and split among its threads in other ways
        np.einsum("ik,skj->sij", matrix, stack, out=out)
        return
    columns = min(n, max(_COLUMNS, ALONE // (m * k)), max(1, ALONE // k))
    rows = max(1, ALONE // (k * columns))
    with LIBRARY:
        for across, down in itertools.product(_parts(n, columns), list(_parts(m, rows))):
            np.matmul(matrix[down], stack[:, :, across], out=out[:, down, across])
