"""The passes of a transform: those along the first axis over blocks of columns, and all others slab by slab."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from eulerot._types import FloatArray
from eulerot.euler.grid import Grid
from eulerot.euler.transforms._kernels import pad, rows_at, unpad
from eulerot.euler.transforms.backends import Plan, empty, planner
from eulerot.euler.transforms.exchange import Columns, Rows, as_numbers
from eulerot.euler.transforms.layout import Layout, padded_length, segments

__all__ = ["Block", "Slab"]

# Memory is aligned alike at multiples of so many bytes, for all instructions that there are
_ALIGNED = 64


class Slab:
    """The passes along all axes but the first, planned on the arrays of one thread.

    `rows` of the first axis at a time: the `spectra` of each field are synthesised into `values`, or, `back`, values
    are analysed into spectra. A slab may have fewer rows: the others are zero.
    """

    def __init__(
        self,
        grid: Grid,
        points: tuple[int, ...],
        layouts: Sequence[Layout],
        coefficients: Rows,
        rows: int,
        backend: str,
        *,
        back: bool,
    ) -> None:
        padded = tuple(padded_length(grid, points, axis) for axis in range(1, grid.dim))
        spectra = empty((len(layouts), rows, *padded), grid.dtype_hat, backend)
        grid_values = empty((len(layouts), rows, *points[1:]), np.float64, backend)
        self.values = grid_values.reshape(len(layouts), rows * math.prod(points[1:]))
        # in two dimensions there is no middle axis: one of length one stands for it
        length = padded[-1] * spectra.itemsize // 8
        self._spectra = spectra.view(np.float64).reshape(len(layouts), rows, math.prod(padded[:-1]), length)
        self._coefficients, self._segments = coefficients, segments(layouts, coefficients, length)
        self._plans, plan, last = list[Plan](), planner(backend), grid.dim - 1
        for layout, spectrum, values in zip(layouts, spectra, grid_values, strict=True):
            ends = (values, spectrum) if back else (spectrum, values)
            passes = [plan(layout.kind(last, back=back), *ends, last)]
            if grid.dim == 3:  # the middle pass skips the columns that are empty along the last axis
                kept = spectrum[..., : layout.pieces(last)[0][1].stop]
                passes.insert(1 if back else 0, plan(layout.kind(1, back=back), kept, kept, 1))
            self._plans += passes

    def synthesise(self, start: int) -> None:
        """Set `values` from coefficients, of which this slab starts at row `start`."""
        rows = self._coefficients
        pad(rows.numbers, rows.count, start, self._segments, self._spectra)
        for plan in self._plans:
            plan()

    def analyse(self, start: int) -> None:
        """Set coefficients from `values`."""
        for plan in self._plans:
            plan()
        rows = self._coefficients
        unpad(rows.numbers, rows.count, start, self._segments, self._spectra)


class Block:
    """The pass along the first axis, over one block of columns at a time, planned on arrays of one thread.

    Blocks of all processes have the same shape, so that they are transformed alike; where one has fewer columns, the
    others are zero. If there is but one block, its rows are transformed where they stand. Coefficients come and go as
    real numbers, shape ``(kept along the first axis, numbers)``.

    Parameters
    ----------
    grid : Grid
        Domain and truncation.
    points : tuple of int
        Where the values are.
    layouts : sequence of Layout
        Of the fields.
    rows : ndarray, shape (fields, own rows, own columns, ...)
        The columns of this process in its own rows.
    backend : {"fftw", "scipy"}
        Whose transforms.
    back : bool
        Whether they go to coefficients.
    """

    def __init__(
        self,
        grid: Grid,
        points: tuple[int, ...],
        layouts: Sequence[Layout],
        rows: np.ndarray,
        backend: str,
        *,
        back: bool,
    ) -> None:
        self._layouts, plan = layouts, planner(backend)
        self._first_column = grid.columns.start
        # all fields alike: in memory that is aligned otherwise another algorithm may be the fastest
        self._in_place = grid.ranks.size == 1 and len(grid.blocks) == 1 and rows[:1].nbytes % _ALIGNED == 0
        if self._in_place:
            self._rooms = list(rows)
            self._plans = [plan(layout.kind(0, back=back), r, r, 0) for layout, r in zip(layouts, rows, strict=True)]
        else:
            room = empty((points[0], grid.block_columns, *grid.shape_hat[2:]), grid.dtype_hat, backend)
            kinds = [layout.kind(0, back=back) for layout in layouts]
            plans = {kind: plan(kind, room, room, 0) for kind in dict.fromkeys(kinds)}
            self._rooms, self._plans = [room] * len(layouts), [plans[kind] for kind in kinds]
        self._numbers = [as_numbers(room, 1) for room in self._rooms]
        self._every, self._origins = np.arange(points[0]), [layout.origins(0) for layout in layouts]
        self._places = [layout.places(0) for layout in layouts]
        self._width = math.prod(grid.shape_hat[2:]) * np.dtype(grid.dtype_hat).itemsize // 8  # numbers of a column

    def synthesise(self, field: int, kept: FloatArray, where: slice, columns: Columns, scale: float) -> None:
        """Set columns of a field from its kept coefficients, those of a block."""
        layout, numbers, first, count = self._layouts[field], *self._begin(field, where)
        rows_at(kept, first, self._origins[field], scale, numbers, 0, count)
        for axis in layout.firsts("cos"):
            self._first(field, axis, where)[...] *= 2.0
        self._plans[field]()
        if not self._in_place:
            for rows, part in columns:
                rows_at(numbers, 0, self._every[rows], 1.0, part[field], first, count)

    def analyse(self, field: int, columns: Columns, where: slice, kept: FloatArray, scale: float) -> None:
        """Set the kept coefficients of a field from its columns, those of a block."""
        layout, numbers, first, count = self._layouts[field], *self._begin(field, where)
        if not self._in_place:
            for rows, part in columns:
                rows_at(part[field], first, self._every, 1.0, numbers[rows], 0, count)
        self._plans[field]()
        for axis in layout.firsts("cos"):
            self._first(field, axis, where)[...] *= 0.5
        for axis in layout.firsts("sin"):
            if axis > 0:  # along the first axis there is no place for it
                self._first(field, axis, where)[...] = 0.0
        rows_at(numbers, 0, self._places[field], scale, kept, first, count)

    def _begin(self, field: int, where: slice) -> tuple[FloatArray, int, int]:
        """Return the room of a block, where its numbers begin and how many a row has; clear what they leave."""
        numbers, first, end = self._numbers[field], where.start * self._width, where.stop * self._width
        if end - first < numbers.shape[1]:
            numbers[:, end - first :] = 0.0
        return numbers, first, end - first

    def _first(self, field: int, axis: int, where: slice) -> np.ndarray:
        """Return the first of all coefficients along `axis`, if the block `where` holds it."""
        there = axis != 1 or self._first_column + where.start == 0
        return self._rooms[field][(slice(None),) * axis + (slice(0, int(there)),)]
