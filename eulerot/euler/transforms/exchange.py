"""Exchange coefficients among processes: from columns that each has whole along the first axis to whole rows, and back.

Only the columns that truncation leaves travel: on the torus two thirds of those along the second axis, and of the last
axis two thirds of half.
"""

from __future__ import annotations

import itertools

import numpy as np

from eulerot._ranks import Ranks

__all__ = ["Exchange"]


class Exchange:
    """Copy the columns of all processes to the rows of each, or the rows of all to the columns of each.

    A process alone has both in one array, and nothing to do.

    Parameters
    ----------
    ranks : Ranks
        The processes.
    columns : ndarray, shape (fields, points, own columns, ...)
        The columns of this process, with all of their rows.
    rows : ndarray, shape (fields, own rows, columns, ...)
        The rows of this process, with all of their columns.
    row_edges, column_edges : list of int
        Where the rows and the columns of each process begin, and where those of the last one end.
    """

    def __init__(
        self, ranks: Ranks, columns: np.ndarray, rows: np.ndarray, row_edges: list[int], column_edges: list[int]
    ) -> None:
        self._ranks, self._needless = ranks, ranks.size == 1 or len(columns) == 0
        if self._needless:
            return
        own_rows, own_columns = (slice(*edges[ranks.number : ranks.number + 2]) for edges in (row_edges, column_edges))
        self._here = columns[:, own_rows], rows[:, :, own_columns]  # does not take the way through MPI
        self._columns = _Parcels([columns[:, a:b] for a, b in itertools.pairwise(row_edges)], ranks.number)
        self._rows = _Parcels([rows[:, :, a:b] for a, b in itertools.pairwise(column_edges)], ranks.number)

    def to_rows(self) -> None:
        """Set the rows from the columns."""
        if self._needless:
            return
        columns, rows = self._here
        rows[...] = columns
        self._columns.pack()
        self._ranks.exchange(self._columns.message, self._rows.message)
        self._rows.unpack()

    def to_columns(self) -> None:
        """Set the columns from the rows."""
        if self._needless:
            return
        columns, rows = self._here
        columns[...] = rows
        self._rows.pack()
        self._ranks.exchange(self._rows.message, self._columns.message)
        self._columns.unpack()


class _Parcels:
    """The parts of an array that go to each process, or come from it, in a row.

    MPI could be told of the parts as they lie, but takes up to ten times as long to copy them.
    """

    def __init__(self, parts: list[np.ndarray], own: int) -> None:
        self._parts = [part for rank, part in enumerate(parts) if rank != own]
        counts = [0 if rank == own else part.size for rank, part in enumerate(parts)]
        room = np.empty(sum(counts), parts[0].dtype)
        self.message = (room, counts)
        places = itertools.pairwise(np.cumsum([0, *(part.size for part in self._parts)]))
        self._places = [room[a:b].reshape(part.shape) for (a, b), part in zip(places, self._parts, strict=True)]

    def pack(self) -> None:
        """Copy the parts into the row."""
        for part, place in zip(self._parts, self._places, strict=True):
            place[...] = part

    def unpack(self) -> None:
        """Copy the row to the parts."""
        for part, place in zip(self._parts, self._places, strict=True):
            part[...] = place
