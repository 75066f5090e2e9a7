"""Exchange coefficients among processes: from columns that each has whole along the first axis to whole rows, and back.

Only the columns that truncation leaves travel: on the torus two thirds of those along the second axis, and of the last
axis two thirds of half. They are sent as they stand and used as they arrive: copies would take a third of an exchange.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from eulerot._ranks import Message, Ranks
from eulerot._types import FloatArray
from eulerot.euler.transforms.backends import empty

__all__ = ["Columns", "Exchange", "Rows", "as_numbers"]

# Rows, and an array of these of all fields as real numbers, shape (fields, rows, numbers)
Columns = list[tuple[slice, FloatArray]]


def as_numbers(coefficients: np.ndarray, axis: int) -> FloatArray:
    """Return contiguous coefficients as real numbers, the axes from `axis` on as one; a view, to be written to."""
    numbers = math.prod(coefficients.shape[axis:]) * coefficients.itemsize // 8
    return coefficients.view(np.float64).reshape(*coefficients.shape[:axis], numbers)


@dataclass(frozen=True)
class Rows:
    """Rows of coefficients of several fields, as they arrive: the columns of each process in a part of their own.

    Attributes
    ----------
    numbers : ndarray
        All of them, as real numbers.
    count : int
        The number of rows.
    bases : ndarray, shape (fields, columns)
        Where the coefficients of a column begin in the first row.
    strides : ndarray, shape (columns,)
        By how much they begin further in each row that follows.
    """

    numbers: FloatArray
    count: int
    bases: np.ndarray
    strides: np.ndarray


class Exchange:
    """Move the columns of all processes to the rows of each, or the rows of all to the columns of each.

    A process alone has both in one array, and nothing to move.

    Parameters
    ----------
    ranks : Ranks
        The processes.
    fields : int
        The number of fields.
    row_edges, column_edges : list of int
        Where the rows and the columns of each process begin, and where those of the last one end.
    others : tuple of int
        The shape of a column in a row.
    dtype : type
        Of the coefficients.
    backend : {"fftw", "scipy"}
        Whose arrays.

    Attributes
    ----------
    rows : Rows
        The rows of this process, with all of their columns.
    own : ndarray, shape (fields, own rows, own columns, ...)
        The columns of this process in its own rows, a part of these.
    columns : list of (slice, ndarray)
        The columns of this process by the processes that have their rows. Those of its own rows are a part of `rows`;
        the others stand as they are sent and received.
    """

    def __init__(
        self,
        ranks: Ranks,
        fields: int,
        row_edges: list[int],
        column_edges: list[int],
        others: tuple[int, ...],
        dtype: type,
        backend: str,
    ) -> None:
        self._ranks, self._needless, own = ranks, ranks.size == 1 or fields == 0, ranks.number
        rows, columns = np.diff(row_edges).tolist(), np.diff(column_edges).tolist()
        spans = [slice(a, b) for a, b in itertools.pairwise(row_edges)]
        of_ranks = [(fields, rows[own], count, *others) for count in columns]
        to_ranks = [(fields, count * (rank != own), columns[own], *others) for rank, count in enumerate(rows)]
        self._row_message, by_columns = _parcels(of_ranks, own, dtype, backend)
        self._column_message, by_rows = _parcels(to_ranks, own, dtype, backend)
        by_rows[own] = self.own = by_columns[own]
        self.columns: Columns = list(zip(spans, (as_numbers(part, 2) for part in by_rows), strict=True))
        self.rows = self._placed([as_numbers(part, 2) for part in by_columns], columns)

    def _placed(self, parts: list[FloatArray], columns: list[int]) -> Rows:
        """Return the rows, given their parts and how many columns each has."""
        begins = np.cumsum([0, *(part.size for part in parts[:-1])])
        bases, strides = [], []
        for part, begin, count in zip(parts, begins, columns, strict=True):
            fields, rows, numbers = part.shape
            of_fields = begin + rows * numbers * np.arange(fields)
            bases.append(of_fields[:, None] + numbers // max(count, 1) * np.arange(count))
            strides.append(np.full(count, numbers))
        flat = self._row_message[0].view(np.float64)
        return Rows(flat, parts[0].shape[1], np.concatenate(bases, axis=1), np.concatenate(strides))

    def to_rows(self) -> None:
        """Set the rows from the columns."""
        if not self._needless:
            self._ranks.exchange(self._column_message, self._row_message)

    def to_columns(self) -> None:
        """Set the columns from the rows."""
        if not self._needless:
            self._ranks.exchange(self._row_message, self._column_message)


def _parcels(shapes: list[tuple[int, ...]], own: int, dtype: type, backend: str) -> tuple[Message, list[np.ndarray]]:
    """Return an array with a part for each process, with the counts of what travels and where it begins; and its parts.

    MPI could be told of parts as they lie in larger arrays, but takes up to ten times as long to copy them.
    """
    sizes = [math.prod(shape) for shape in shapes]
    begins = np.cumsum([0, *sizes])
    array = empty((int(begins[-1]),), dtype, backend)
    parts = [array[a:b].reshape(shape) for (a, b), shape in zip(itertools.pairwise(begins), shapes, strict=True)]
    counts = [0 if rank == own else size for rank, size in enumerate(sizes)]
    return (array, (counts, begins[:-1].tolist())), parts
