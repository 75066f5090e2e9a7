"""Where kept coefficients stand in arrays that are padded to the grid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from eulerot.euler.grid import Grid
from eulerot.euler.transforms.exchange import Rows

__all__ = ["Layout", "Parity", "padded_length", "segments"]

# "sin" or "cos" along each axis of the box; on the torus it is ignored
Parity = tuple[str, ...]
# Place along the middle axis; first and last number along the last one; where it begins, and by how much further a row
Segment = tuple[int, int, int, int, int]


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
        origins = np.full(padded_length(self.grid, self.points, axis), -1)
        for kept, place in self.pieces(axis):
            origins[place] = np.arange(kept.start, kept.stop)
        return origins

    def places(self, axis: int) -> np.ndarray:
        """Return for each kept coefficient its place in the padded array; -1 where it has none."""
        places = np.full(self.grid.whole.shape_hat[axis], -1)
        for kept, place in self.pieces(axis):
            places[kept] = np.arange(place.start, place.stop)
        return places

    @property
    def middle(self) -> int:
        """The length of the middle axis of padded arrays; one in the plane."""
        return 1 if self.grid.dim == 2 else padded_length(self.grid, self.points, 1)

    def copied(self, bases: np.ndarray, strides: np.ndarray) -> Iterator[Segment]:
        """Yield the segments of a padded row that hold coefficients, see `pad`, given where columns begin; in order."""
        ((kept, place),) = self.pieces(self.grid.dim - 1)  # one range of coefficients on the last axis
        reals = 1 if self.grid.walls else 2  # real numbers a coefficient: they are copied as such
        first, end = reals * place.start, reals * place.stop
        if self.grid.dim == 3:
            for i, origin in enumerate(self.origins(1)):
                if origin >= 0:
                    yield i, first, end, int(bases[origin]) + reals * kept.start, int(strides[origin])
            return
        columns = np.arange(kept.start, kept.stop)
        edges = np.flatnonzero(np.diff(bases[columns]) != reals) + 1  # where the part of another process begins
        for run in np.split(columns, edges):
            if len(run):
                at = first + reals * int(run[0] - kept.start)
                yield 0, at, at + reals * len(run), int(bases[run[0]]), int(strides[run[0]])

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


def padded_length(grid: Grid, points: tuple[int, ...], axis: int) -> int:
    """Return the length of an axis of coefficients in arrays padded to the grid."""
    half = not grid.walls and axis == grid.dim - 1
    return points[axis] // 2 + 1 if half else points[axis]


def segments(layouts: Sequence[Layout], rows: Rows, length: int) -> np.ndarray:
    """Return how each padded row of each field is made up, for `pad`; as many segments for each, the last may be empty.

    Parameters
    ----------
    layouts : sequence of Layout
        Of the fields.
    rows : Rows
        Where the coefficients are.
    length : int
        Real numbers of a padded row.
    """
    found = []
    for layout, bases in zip(layouts, rows.bases, strict=True):
        own, at = [], (0, 0)
        for i, first, end, base, stride in layout.copied(bases, rows.strides):
            own += _zeros(at, (i, first), length)
            own.append((i, first, end, base, stride))
            at = i, end
        found.append(own + _zeros(at, (layout.middle, 0), length))
    most = max(map(len, found), default=0)
    filled = [own + [(0, 0, 0, -1, 0)] * (most - len(own)) for own in found]
    return np.array(filled, dtype=np.int64).reshape(len(layouts), most, 5)


def _zeros(after: tuple[int, int], before: tuple[int, int], length: int) -> list[Segment]:
    """Return the segments of zeros between two places along the middle and the last axis."""
    (i, first), (j, end) = after, before
    rows = [(k, first if k == i else 0, end if k == j else length) for k in range(i, j + (end > 0))]
    return [(*each, -1, 0) for each in rows if each[1] < each[2]]
