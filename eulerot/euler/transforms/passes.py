"""The passes of a transform: where kept coefficients stand in padded arrays, and the transforms along each axis."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from eulerot._types import FloatArray
from eulerot.euler.grid import Grid
from eulerot.euler.transforms._kernels import pad, rows_at, unpad
from eulerot.euler.transforms.backends import Plan, empty, planner

__all__ = ["Block", "Columns", "Layout", "Parity", "Slab", "as_numbers", "with_middle"]

# Memory is aligned alike at multiples of so many bytes, for all instructions that there are
_ALIGNED = 64
# "sin" or "cos" along each axis of the box; on the torus it is ignored
Parity = tuple[str, ...]
# Rows, an array of these of all fields as real numbers, and the number with which the columns begin in each
Columns = list[tuple[slice, FloatArray, int]]


def as_numbers(coefficients: np.ndarray, axis: int) -> FloatArray:
    """Return contiguous coefficients as real numbers, the axes from `axis` on as one; a view, to be written to."""
    numbers = math.prod(coefficients.shape[axis:]) * coefficients.itemsize // 8
    return coefficients.view(np.float64).reshape(*coefficients.shape[:axis], numbers)


def with_middle(columns: np.ndarray) -> FloatArray:
    """Return columns of fields as real numbers, with a middle axis of length one in the plane; a view."""
    real = columns.view(np.float64)
    return real if columns.ndim == 4 else real[:, :, None]


class Layout:
    """The places of the kept coefficients of one parity in arrays padded to the grid, axis by axis."""

    def __init__(self, grid: Grid, points: tuple[int, ...], parity: Parity) -> None:
        self.grid, self.points, self.parity = grid, points, parity

    def pieces(self, axis: int) -> list[tuple[slice, slice]]:
        """Return pairs of slices along an axis: kept coefficients, and their places in the padded array."""
        modes = self.grid.modes[axis]
        if self.grid.walls:
            first = int(self.grid.whole.axis_modes[axis][0])
            shift = 1 if self.parity[axis] == "sin" else 0  # FFTW's sine series starts at k = 1, its cosines at 0
            start = max(first, shift)
            return [(slice(start - first, modes + 1 - first), slice(start - shift, modes + 1 - shift))]
        if axis == self.grid.dim - 1:
            return [(slice(0, modes + 1), slice(0, modes + 1))]
        n = self.points[axis]
        return [(slice(0, modes + 1), slice(0, modes + 1)), (slice(modes + 1, 2 * modes + 1), slice(n - modes, n))]

    def origins(self, axis: int) -> np.ndarray:
        """Return for each place in the padded array the index of its kept coefficient; -1 where there is none."""
        origins = np.full(_padded(self.grid, self.points, axis), -1)
        for kept, place in self.pieces(axis):
            origins[place] = np.arange(kept.start, kept.stop)
        return origins

    def places(self, axis: int) -> np.ndarray:
        """Return for each kept coefficient its place in the padded array; -1 where it has none."""
        places = np.full(self.grid.whole.shape_hat[axis], -1)
        for kept, place in self.pieces(axis):
            places[kept] = np.arange(place.start, place.stop)
        return places

    def kind(self, axis: int, *, back: bool) -> str:
        """Return the kind of transform along an axis, to values or back."""
        if self.grid.walls:
            return "by_" * back + self.parity[axis]
        if axis == self.grid.dim - 1:
            return "from_real" if back else "to_real"
        return "forward" if back else "backward"

    def firsts(self, name: str) -> list[int]:
        """Return the axes of a parity along which the first coefficient is a constant.

        FFTW does not double that of cosines; sines have none, and leave its place empty.
        """
        if not self.grid.walls or self.grid.dim == 2:
            return []
        return [axis for axis, parity in enumerate(self.parity) if parity == name]


def _padded(grid: Grid, points: tuple[int, ...], axis: int) -> int:
    """Return the length of an axis of coefficients in arrays padded to the grid."""
    half = not grid.walls and axis == grid.dim - 1
    return points[axis] // 2 + 1 if half else points[axis]


class Slab:
    """The passes along all axes but the first, planned on the arrays of one thread.

    `rows` of the first axis at a time: the `spectra` of each field are synthesised into `values`, or, `back`, values
    are analysed into spectra. A slab may have fewer rows: the others are zero.
    """

    def __init__(
        self, grid: Grid, points: tuple[int, ...], layouts: Sequence[Layout], rows: int, backend: str, *, back: bool
    ) -> None:
        padded = tuple(_padded(grid, points, axis) for axis in range(1, grid.dim))
        spectra = empty((len(layouts), rows, *padded), grid.dtype_hat, backend)
        self._spectra = with_middle(spectra)
        grid_values = empty((len(layouts), rows, *points[1:]), np.float64, backend)
        self.values = grid_values.reshape(len(layouts), rows * math.prod(points[1:]))
        self.rows, self._plans, last = rows, list[Plan](), grid.dim - 1
        # in two dimensions there is no middle axis: one of length one stands for it
        self._middle = np.array([[0] if grid.dim == 2 else layout.origins(1) for layout in layouts])
        ranges = [layout.pieces(last)[0] for layout in layouts]  # one range of coefficients on the last axis
        reals = 1 if grid.walls else 2  # real numbers a coefficient: they are copied as such
        self._last = reals * np.array([(kept.start, place.start, place.stop) for kept, place in ranges])
        plan = planner(backend)
        for layout, spectrum, values in zip(layouts, spectra, grid_values, strict=True):
            ends = (values, spectrum) if back else (spectrum, values)
            passes = [plan(layout.kind(last, back=back), *ends, last)]
            if grid.dim == 3:  # the middle pass skips the columns that are empty along the last axis
                kept = spectrum[..., : layout.pieces(last)[0][1].stop]
                passes.insert(1 if back else 0, plan(layout.kind(1, back=back), kept, kept, 1))
            self._plans += passes

    def synthesise(self, columns: FloatArray, start: int) -> None:
        """Set `values` from columns `with_middle`, of which this slab starts at row `start`."""
        if len(columns):
            pad(columns, start, self._spectra, self._middle, self._last)
        for plan in self._plans:
            plan()

    def analyse(self, columns: FloatArray, start: int) -> None:
        """Set columns `with_middle` from `values`."""
        for plan in self._plans:
            plan()
        if len(columns):
            unpad(columns, start, self._spectra, self._middle, self._last)


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
    rows : ndarray, shape (fields, own rows, ...)
        The columns of this process.
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
            for rows, part, start in columns:
                rows_at(numbers, 0, self._every[rows], 1.0, part[field], start + first, count)

    def analyse(self, field: int, columns: Columns, where: slice, kept: FloatArray, scale: float) -> None:
        """Set the kept coefficients of a field from its columns, those of a block."""
        layout, numbers, first, count = self._layouts[field], *self._begin(field, where)
        if not self._in_place:
            for rows, part, start in columns:
                rows_at(part[field], start + first, self._every, 1.0, numbers[rows], 0, count)
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
