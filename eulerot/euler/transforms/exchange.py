"""Exchange coefficients among processes: from columns that each has whole along the first axis to whole rows, and back.

Only the columns that truncation leaves travel: on the torus two thirds of those along the second axis, and of the last
axis two thirds of half.
"""

from __future__ import annotations

import itertools

import numpy as np

from eulerot._ranks import Ranks
from eulerot.euler.transforms.passes import as_numbers

__all__ = ["Exchange"]


class Exchange:
    """Move the columns of all processes to the rows of each, or the rows of all to the columns of each.

    A process alone has both in one array, and nothing to move.

    Parameters
    ----------
    ranks : Ranks
        The processes.
    rows : ndarray, shape (fields, own rows, columns, ...)
        The rows of this process, with all of their columns.
    row_edges, column_edges : list of int
        Where the rows and the columns of each process begin, and where those of the last one end.

    Attributes
    ----------
    columns : list of (slice, ndarray, int)
        The columns of this process by the processes that have their rows: which rows; an array of all fields that holds
        them as real numbers, shape ``(fields, rows, numbers)``; with which number of a row they begin. Those of its own
        rows are among these; the others stand as they are sent and received.
    """

    def __init__(self, ranks: Ranks, rows: np.ndarray, row_edges: list[int], column_edges: list[int]) -> None:
        self._ranks, self._needless = ranks, ranks.size == 1 or len(rows) == 0
        places = [slice(a, b) for a, b in itertools.pairwise(column_edges)]
        self._rows = [rows[:, :, place] for place in places]
        spans = [slice(a, b) for a, b in itertools.pairwise(row_edges)]
        self._row_message, self._arrived = _parcels([part.shape for part in self._rows], ranks.number, rows.dtype)
        shapes = [(len(rows), span.stop - span.start, *self._rows[ranks.number].shape[2:]) for span in spans]
        self._column_message, parts = _parcels(shapes, ranks.number, rows.dtype)
        parts[ranks.number], starts = rows, [0] * len(parts)
        numbers = [as_numbers(part, 2) for part in parts]
        starts[ranks.number] = places[ranks.number].start * (numbers[ranks.number].shape[2] // rows.shape[2])
        self.columns = list(zip(spans, numbers, starts, strict=True))

    def to_rows(self) -> None:
        """Set the rows from the columns."""
        if self._needless:
            return
        self._ranks.exchange(self._column_message, self._row_message)
        for rank, part in enumerate(self._rows):
            if rank != self._ranks.number:
                part[...] = self._arrived[rank]

    def to_columns(self) -> None:
        """Set the columns from the rows."""
        if self._needless:
            return
        for rank, part in enumerate(self._rows):
            if rank != self._ranks.number:
                self._arrived[rank][...] = part
        self._ranks.exchange(self._row_message, self._column_message)


def _parcels(
    shapes: list[tuple[int, ...]], own: int, dtype: np.dtype
) -> tuple[tuple[np.ndarray, list[int]], list[np.ndarray]]:
    """Return an array for what goes to each other process, or comes from it, with their counts; and its parts.

    MPI could be told of parts as they lie in larger arrays, but takes up to ten times as long to copy them.
    """
    counts = [0 if rank == own else int(np.prod(shape)) for rank, shape in enumerate(shapes)]
    message = np.zeros(sum(counts), dtype)
    parts = np.split(message, np.cumsum(counts)[:-1])
    for rank, shape in enumerate(shapes):
        if rank != own:
            parts[rank] = parts[rank].reshape(shape)
    return (message, counts), parts
