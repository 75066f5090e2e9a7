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
        self._columns, self._rows = _parts(ranks, columns, 1, row_edges), _parts(ranks, rows, 2, column_edges)

    def to_rows(self) -> None:
        """Set the rows from the columns."""
        if self._needless:
            return
        columns, rows = self._here
        rows[...] = columns
        self._ranks.exchange(self._columns, self._rows)

    def to_columns(self) -> None:
        """Set the columns from the rows."""
        if self._needless:
            return
        columns, rows = self._here
        columns[...] = rows
        self._ranks.exchange(self._rows, self._columns)


def _parts(ranks: Ranks, array: np.ndarray, axis: int, edges: list[int]) -> list:
    """Return the parts of an array along an axis that go to each process, or come from it, as MPI describes them."""
    from mpi4py import MPI

    number = MPI.DOUBLE if array.dtype == np.float64 else MPI.C_DOUBLE_COMPLEX
    counts, types = list[int](), list[MPI.Datatype]()
    for rank, (start, stop) in enumerate(itertools.pairwise(edges)):
        part = [*array.shape[:axis], stop - start, *array.shape[axis + 1 :]]
        there = rank != ranks.number and np.prod(part) > 0
        counts.append(int(there))
        if there:
            starts = [start if i == axis else 0 for i in range(array.ndim)]
            types.append(number.Create_subarray(array.shape, part, starts).Commit())
        else:
            types.append(number)
    return [array, (counts, [0] * ranks.size), types]
