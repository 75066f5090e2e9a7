"""Transforms of single fields and pointwise operations on several, between kept coefficients and grid values.

A transform in `d` dimensions is one pass along each axis. Between the first axis and the others the work goes slab by
slab, so that a slab's values stay in the processor's cache from the synthesis through the products to the analysis;
and the first pass skips the columns that truncation leaves empty. All are dealiased by construction. Processes that
share a grid have slabs and columns of their own, and exchange coefficients between the two.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TypeVar

import numpy as np

from eulerot._threads import PerThread, run_tasks
from eulerot._types import FloatArray
from eulerot.euler.grid import Grid
from eulerot.euler.transforms.backends import available, planned_alike
from eulerot.euler.transforms.exchange import Exchange, as_numbers
from eulerot.euler.transforms.layout import Layout, Parity
from eulerot.euler.transforms.passes import Block, Slab

__all__ = ["Parity", "Pointwise", "Transforms"]

Kernel = Callable[[np.ndarray, np.ndarray], None]
Visit = Callable[[slice, np.ndarray, np.ndarray], None]
T = TypeVar("T")

# A slab's values, of all fields together, take about this many bytes, a core's second-level cache
SLAB_BYTES = 2**20
# Operations on fewer points are not shared among threads: it takes longer to wake them
SHARED_FROM = 2**17


class Pointwise:
    """A pointwise operation on fields given by kept coefficients: synthesis, values, analysis.

    Parameters
    ----------
    grid : Grid
        Domain and truncation.
    inputs, outputs : sequence of Parity
        Parities of the fields that go in and come out.
    kernel : callable
        ``kernel(values_in, values_out)`` on arrays of shape ``(fields, points of a slab)``; it fills the second.
    threads : int
        Threads. Results do not depend on it.
    backend : {"fftw", "scipy"}, optional
        Whose transforms; FFTW's where it is installed.
    points : tuple of int, optional
        Where the values are; by default where quadratic products are exact.
    rows : int, optional
        Rows of the first axis in a slab; by default what fits into the cache.

    Examples
    --------
    >>> grid = Grid((8, 8), "cube")
    >>> def square(values, out):
    ...     out[0] = values[0] ** 2
    >>> squared = Pointwise(grid, [("sin", "cos")], [("cos", "cos")], square)
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
        kernel: Kernel,
        *,
        threads: int = 1,
        backend: str | None = None,
        points: tuple[int, ...] | None = None,
        rows: int | None = None,
    ) -> None:
        points, backend = points or grid.product_points, backend or available()
        self.grid, self.kernel, self.points = grid, kernel, points
        self.threads = threads if math.prod(points) >= SHARED_FROM else 1
        into, out = ([Layout(grid, points, parity) for parity in which] for which in (inputs, outputs))
        self._rows = min(rows or _slab_rows(points, len(into) + len(out)), points[0])
        # where the rows of each process begin, whole slabs of them, and those of this one
        slabs, number = -(-points[0] // self._rows), grid.ranks.number
        self._edges = [min(edge * self._rows, points[0]) for edge in grid.ranks.edges(slabs)]
        self._own = slice(*self._edges[number : number + 2])
        make = partial(_Workspace, grid, points, into, out, self._rows, self._edges, self.threads, backend)
        self._work = PerThread(partial(planned_alike, grid.ranks, make, backend))
        self._inputs, self._outputs = len(into), len(out)
        self._scale_in = 0.5**grid.dim if grid.walls else 1.0  # FFTW doubles each term of a sine or cosine series
        self._scale_out = 1.0 / math.prod(points)

    def __call__(
        self, fields_hat: np.ndarray, out: np.ndarray | None = None, *, visit: Visit | None = None
    ) -> np.ndarray:
        """Return the kept coefficients of the operation's outputs, shape ``(outputs, *shape_hat)``, contiguous.

        Threads may call it at the same time. In this call alone `visit` takes the place of the kernel, if it is given:
        it gets the rows of the first axis that a slab has, and values of the shape ``(fields, rows, ...)``, in the last
        slab maybe of more rows, which are of no account.
        """
        out = self.grid.zeros_hat(self._outputs) if out is None else out
        fields, results = (as_numbers(each, 2) for each in (np.ascontiguousarray(fields_hat), out))
        work = self._work.value  # of the calling thread, for all tasks of this call
        self._share(work.blocks_in, self._blocks(self._inputs), partial(self._open, work, fields))
        work.exchange_in.to_rows()
        self._share(work.slabs, range(self._own.start, self._own.stop, self._rows), partial(self._pass, work, visit))
        work.exchange_out.to_columns()
        self._share(work.blocks_out, self._blocks(self._outputs), partial(self._close, work, results))
        return out

    def joined(self, rows: np.ndarray) -> np.ndarray:
        """Return an array with a row for each of the first axis, of which each process has filled its own."""
        return self.grid.ranks.joined(rows[self._own])

    def _blocks(self, fields: int) -> Iterable[tuple[int, slice]]:
        return itertools.product(range(fields), self.grid.blocks)

    def _share(self, workers: Sequence[T], items: Iterable, work: Callable[[T, Iterator], None]) -> None:
        """Let threads work on items: each takes the next one when it is done with one."""
        following = iter(items)
        run_tasks([partial(work, worker, following) for worker in workers], self.threads)

    def _open(self, work: _Workspace, fields: FloatArray, block: Block, items: Iterator) -> None:
        """Synthesise along the first axis."""
        for field, where in items:
            block.synthesise(field, fields[field], where, work.exchange_in.columns, self._scale_in)

    def _pass(self, work: _Workspace, visit: Visit | None, slab: tuple[Slab, Slab], starts: Iterator) -> None:
        """Synthesise slabs, apply the kernel to their values, and analyse them."""
        synthesis, analysis = slab
        for start in starts:
            synthesis.synthesise(start - self._own.start)
            if visit is None:
                self.kernel(synthesis.values, analysis.values)
            else:
                rows = slice(start, min(start + self._rows, self._own.stop))
                shape = (-1, self._rows, *self.points[1:])
                visit(rows, synthesis.values.reshape(shape), analysis.values.reshape(shape))
            analysis.analyse(start - self._own.start)

    def _close(self, work: _Workspace, results: FloatArray, block: Block, items: Iterator) -> None:
        """Analyse along the first axis."""
        for field, where in items:
            block.analyse(field, work.exchange_out.columns, where, results[field], self._scale_out)


class _Workspace:
    """The planned arrays of a pointwise operation, in which one thread works with its tasks.

    Of the coefficients between the passes this process has rows; its columns it has by their exchange.
    """

    def __init__(
        self,
        grid: Grid,
        points: tuple[int, ...],
        into: Sequence[Layout],
        out: Sequence[Layout],
        rows: int,
        edges: list[int],
        threads: int,
        backend: str,
    ) -> None:
        slabs = range(min(threads, -(-points[0] // rows)))
        self.exchange_in, self.exchange_out = (
            Exchange(grid.ranks, len(each), edges, grid.column_edges, grid.shape_hat[2:], grid.dtype_hat, backend)
            for each in (into, out)
        )
        ends = (into, self.exchange_in, False), (out, self.exchange_out, True)
        self.blocks_in, self.blocks_out = (
            [Block(grid, points, fields, between.own, backend, back=back) for _ in range(threads)]
            for fields, between, back in ends
        )
        self.slabs = [
            tuple(Slab(grid, points, fields, between.rows, rows, backend, back=back) for fields, between, back in ends)
            for _ in slabs
        ]


def _slab_rows(points: tuple[int, ...], fields: int) -> int:
    """Return how many rows of the first axis make a slab."""
    row_bytes = 8 * fields * math.prod(points[1:])
    return max(1, min(points[0], SLAB_BYTES // row_bytes or 1))


class Transforms:
    """Transforms between kept coefficients and values on the grid's own points.

    Parameters
    ----------
    grid : Grid
        Points and kept modes.
    backend : {"fftw", "scipy"}, optional
        Whose transforms; FFTW's where it is installed.

    Examples
    --------
    >>> grid = Grid((8, 8), "cube")
    >>> transforms = Transforms(grid)
    >>> field_hat = np.zeros(grid.shape_hat)
    >>> field_hat[0, 1] = 3.0
    >>> x, y = grid.mesh()
    >>> np.allclose(transforms.backward(field_hat), 3 * np.sin(x) * np.sin(2 * y))
    True
    """

    def __init__(self, grid: Grid, *, backend: str | None = None) -> None:
        self.grid = grid
        self._backend = backend
        self._operations: dict[tuple[bool, tuple[Parity, ...]], Pointwise] = {}

    def backward(self, field_hat: np.ndarray, parity: Parity | None = None) -> FloatArray:
        """Return the grid values of a field given by its kept coefficients; by default of sines in the box."""
        operation, values = self._operation([parity], back=False), np.empty(self.grid.points)

        def keep(rows: slice, there: np.ndarray, _: np.ndarray) -> None:
            values[rows] = there[0, : rows.stop - rows.start]

        operation(field_hat[None], visit=keep)
        return operation.joined(values)

    def forward(self, values: np.ndarray, parity: Parity | None = None) -> np.ndarray:
        """Return the kept coefficients of a field given by its grid values."""

        def fill(rows: slice, _: np.ndarray, out: np.ndarray) -> None:
            out[0, : rows.stop - rows.start] = values[rows]

        return self._operation([parity], back=True)(np.empty((0, *self.grid.shape_hat)), visit=fill)[0]

    def by_rows(
        self,
        fields_hat: np.ndarray,
        parities: Sequence[Parity],
        kernel: Callable[[FloatArray, FloatArray], None],
        *,
        numbers: int = 1,
    ) -> FloatArray:
        """Return numbers for each row of the first axis, shape ``(points, numbers)``, without the values of all.

        Parameters
        ----------
        fields_hat : ndarray, shape (fields, ...)
            Kept coefficients.
        parities : sequence of Parity
            The parities of the fields.
        kernel : callable
            ``kernel(values, out)``, with their values in some rows, shape ``(fields, rows, points of a row)``; it fills
            the second, of shape ``(rows, numbers)``, which may have fewer rows.
        numbers : int
            Numbers of a row.
        """
        operation, found = self._operation(parities, back=False), np.empty((self.grid.points[0], numbers))

        def measure(rows: slice, there: np.ndarray, _: np.ndarray) -> None:
            kernel(there.reshape(*there.shape[:2], -1), found[rows])

        operation(fields_hat, visit=measure)
        return operation.joined(found)

    def _operation(self, parities: Sequence[Parity | None], *, back: bool) -> Pointwise:
        given = [(parity or ("sin",) * self.grid.dim) if self.grid.walls else () for parity in parities]
        key = (back, tuple(given))
        if key not in self._operations:
            none = list[Parity]()
            operation = Pointwise(
                self.grid, *((none, given) if back else (given, none)), _no_kernel, backend=self._backend,
                points=self.grid.points,
            )  # fmt: skip
            return self._operations.setdefault(key, operation)
        return self._operations[key]


def _no_kernel(values: np.ndarray, out: np.ndarray) -> None:
    raise AssertionError("each call brings a visit")
