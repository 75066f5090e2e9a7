"""Transforms of single fields and pointwise operations on several, between kept coefficients and grid values.

A transform in `d` dimensions is one pass along each axis. Between the first axis and the others the work goes slab by
slab, so that a slab's values stay in the processor's cache from the synthesis through the products to the analysis;
and the first pass skips the columns that truncation leaves empty. All are dealiased by construction.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from eulerot._threads import PerThread, run_tasks
from eulerot._types import FloatArray
from eulerot.euler.grid import Grid
from eulerot.euler.transforms.backends import available
from eulerot.euler.transforms.passes import Front, Layout, Parity, Slab

__all__ = ["Parity", "Pointwise", "Transforms"]

Kernel = Callable[[np.ndarray, np.ndarray], None]

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
        self.grid, self.kernel = grid, kernel
        self.threads = threads if math.prod(points) >= SHARED_FROM else 1
        into, out = ([Layout(grid, points, parity) for parity in which] for which in (inputs, outputs))
        rows = _slab_rows(points, len(into) + len(out)) if rows is None else rows
        self._starts = [min(start, points[0] - rows) for start in range(0, points[0], rows)]
        slabs = min(self.threads, len(self._starts))
        self._work = PerThread(partial(_Workspace, grid, points, into, out, rows, slabs, backend))
        self._outputs = len(out)
        self._scale_in = 0.5**grid.dim if grid.walls else 1.0  # FFTW doubles each term of a sine or cosine series
        self._scale_out = 1.0 / math.prod(points)

    def __call__(
        self, fields_hat: np.ndarray, out: np.ndarray | None = None, *, kernel: Kernel | None = None
    ) -> np.ndarray:
        """Return the kept coefficients of the operation's outputs, shape ``(outputs, *shape_hat)``.

        Threads may call it at the same time; `kernel` is that of this call alone.
        """
        out = self.grid.zeros_hat(self._outputs) if out is None else out
        work, kernel = self._work.value, kernel or self.kernel  # of the calling thread, for all tasks of this call
        run_tasks(_tasks(work.front_in, partial(self._open, fields_hat)), self.threads)
        starts = iter(self._starts)  # each thread takes the next slab when it is done with one
        run_tasks([partial(_pass_slabs, work, *pair, kernel, starts) for pair in work.slabs], self.threads)
        run_tasks(_tasks(work.front_out, partial(self._close, out)), self.threads)
        return out

    def _open(self, fields_hat: np.ndarray, front: Front, field: int, chunk: int) -> None:
        """Pad a field's columns, and synthesise along the first axis."""
        layout, where = front.layouts[field], front.chunks[chunk]
        columns, kept = front.columns[field][:, where], fields_hat[field][:, where]
        end = 0
        for source, place in layout.pieces(0):
            columns[end : place.start] = 0.0
            np.multiply(kept[source], self._scale_in, out=columns[place])
            end = place.stop
        columns[end:] = 0.0
        for axis in layout.firsts("cos"):
            _first(columns, axis, where)[...] *= 2.0
        front.plans[field][chunk]()

    def _close(self, out: np.ndarray, front: Front, field: int, chunk: int) -> None:
        """Analyse along the first axis, and keep what the truncation keeps."""
        layout, where = front.layouts[field], front.chunks[chunk]
        front.plans[field][chunk]()
        columns, kept = front.columns[field][:, where], out[field][:, where]
        for target, place in layout.pieces(0):
            np.multiply(columns[place], self._scale_out, out=kept[target])
        for axis in layout.firsts("cos"):
            _first(kept, axis, where)[...] *= 0.5
        for axis in layout.firsts("sin"):
            _first(kept, axis, where)[...] = 0.0


class _Workspace:
    """The planned arrays of a pointwise operation, in which one thread works, and its tasks."""

    def __init__(
        self,
        grid: Grid,
        points: tuple[int, ...],
        into: Sequence[Layout],
        out: Sequence[Layout],
        rows: int,
        slabs: int,
        backend: str,
    ) -> None:
        # enough tasks for threads to share evenly; how the work is split does not depend on their number
        chunks = 2 if grid.dim == 3 and rows < points[0] else 1
        self.front_in = Front(grid, points, into, chunks, backend, back=False)
        self.front_out = Front(grid, points, out, chunks, backend, back=True)
        self.slabs = [
            (Slab(grid, points, into, rows, backend, back=False), Slab(grid, points, out, rows, backend, back=True))
            for _ in range(slabs)
        ]


def _tasks(front: Front, task: Callable[[Front, int, int], None]) -> list[Callable[[], None]]:
    return [partial(task, front, f, c) for f in range(len(front.layouts)) for c in range(len(front.chunks))]


def _pass_slabs(work: _Workspace, synthesis: Slab, analysis: Slab, kernel: Kernel, starts: Iterator[int]) -> None:
    """Synthesise slabs, apply the kernel to their values, and analyse them."""
    for start in starts:
        synthesis.synthesise(work.front_in.columns, start)
        kernel(synthesis.values, analysis.values)
        analysis.analyse(work.front_out.columns, start)


def _slab_rows(points: tuple[int, ...], fields: int) -> int:
    """Return how many rows of the first axis make a slab."""
    row_bytes = 8 * fields * math.prod(points[1:])
    return max(1, min(points[0], SLAB_BYTES // row_bytes or 1))


def _first(columns: np.ndarray, axis: int, where: slice) -> np.ndarray:
    """Return the first coefficients along `axis`, in columns of which `where` are the places along the second axis."""
    there = axis != 1 or where.start == 0
    return columns[(slice(None),) * axis + (slice(0, int(there)),)]


class Transforms:
    """Transforms of single fields between kept coefficients and values on the grid's own points.

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
        self._operations: dict[tuple[bool, Parity], Pointwise] = {}

    def backward(self, field_hat: np.ndarray, parity: Parity | None = None) -> FloatArray:
        """Return the grid values of a field given by its kept coefficients; by default of sines in the box."""
        values = np.empty(self.grid.points)
        flat = values.reshape(1, -1)
        self._operation(parity, back=False)(field_hat[None], kernel=lambda there, _: np.copyto(flat, there))
        return values

    def forward(self, values: np.ndarray, parity: Parity | None = None) -> np.ndarray:
        """Return the kept coefficients of a field given by its grid values."""
        nothing, flat = np.empty((0, *self.grid.shape_hat)), values.reshape(1, -1)
        return self._operation(parity, back=True)(nothing, kernel=lambda _, out: np.copyto(out, flat))[0]

    def _operation(self, parity: Parity | None, *, back: bool) -> Pointwise:
        key = (back, (parity or ("sin",) * self.grid.dim) if self.grid.walls else ())
        if key not in self._operations:
            one, none = [key[1]], list[Parity]()
            points = self.grid.points  # of all values at once: one slab
            operation = Pointwise(
                self.grid, *((none, one) if back else (one, none)), _no_kernel, backend=self._backend, points=points,
                rows=points[0],
            )  # fmt: skip
            return self._operations.setdefault(key, operation)
        return self._operations[key]


def _no_kernel(values: np.ndarray, out: np.ndarray) -> None:
    raise AssertionError("each call brings its own kernel")
