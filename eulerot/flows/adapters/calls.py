"""The functions of a model as functions of float64 rows: called in batches, their errors explained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from eulerot._types import FloatArray
from eulerot.errors import FlowError
from eulerot.flows.adapters.arrays import JaxArrays, NumpyArrays, TorchArrays
from eulerot.flows.adapters.parts import LABELS

__all__ = ["Composed", "Draw", "Rows"]


@dataclass(frozen=True)
class Rows:
    """A function of a model as one of float64 rows, called in batches.

    Attributes
    ----------
    function : callable
        The function of the model.
    arrays : NumpyArrays, TorchArrays or JaxArrays
        How it is called.
    name : str
        Its name in `Parts`.
    library : str
        The library of the model.
    batch_size : int
        The largest number of rows in one call.
    """

    function: Callable[..., Any]
    arrays: NumpyArrays | TorchArrays | JaxArrays
    name: str
    library: str
    batch_size: int

    def __call__(self, rows: FloatArray) -> FloatArray:
        """Return the values at rows.

        Raises
        ------
        FlowError
            If the function of the model raises an error, which is its cause, or returns another shape.
        """
        starts = range(0, len(rows), self.batch_size)
        return np.concatenate([self.batch(rows[i : i + self.batch_size], i, len(rows)) for i in starts]).astype(float)

    def batch(self, rows: FloatArray, start: int = 0, total: int | None = None) -> np.ndarray:
        """Return the values at the rows of one call, in the dtype of the model."""
        try:
            values = self.arrays.call(self.function, rows)
        except FlowError:
            raise
        except Exception as error:
            raise FlowError(self._failure(rows, start, total or len(rows), error)) from error
        shape = rows.shape if self.name in ("to_data", "to_base") else (len(rows),)
        if values.shape != shape:
            hint = "" if self.name in ("to_data", "to_base") else " Return one number a row."
            raise FlowError(
                f"flow: expected {LABELS[self.name]} of shape {shape} for rows of shape {rows.shape}; got "
                f"{values.shape}.{hint}"
            )
        return values

    def _failure(self, rows: FloatArray, start: int, total: int, error: Exception) -> str:
        """Say in words which call failed, on which rows, and how."""
        first, last = self._failing(rows)
        others = np.delete(rows, np.arange(first, last), axis=0)[:: max(1, len(rows) // 8)]
        if last - first > 1:
            where = f"rows {start + first} to {start + last - 1} of {total}, though not on either half of them alone"
        else:
            values = np.array2string(rows[first], max_line_width=200, precision=6, threshold=12)
            where = f"row {start + first} of {total}, {values}"
        if len(others) and not all(self._fails(others[i : i + 1]) for i in range(len(others))):
            advice = "Other rows work: the model's own code does not take values like these."
        else:
            where += ", and on all others that were tried" if len(others) else ""
            advice = (
                "If the model is conditional, pass context=. If its functions take other arguments, pass functions "
                "of rows to eulerot.flow(forward=, inverse=, ...)."
            )
        call = f"{LABELS[self.name]} of the model ({self.library})"
        return f"flow: {call} failed on {where}. It raised {_said(error)}. {advice}"

    def _failing(self, rows: FloatArray) -> tuple[int, int]:
        """Return the first and the last (excluded) of few rows that fail by themselves, by bisection."""
        first, last = 0, len(rows)
        while last - first > 1:
            middle = (first + last) // 2
            if self._fails(rows[first:middle]):
                last = middle
            elif self._fails(rows[middle:last]):
                first = middle
            else:
                break
        return first, last

    def _fails(self, rows: FloatArray) -> bool:
        try:
            self.arrays.call(self.function, rows)
        except Exception:
            return True
        return False


def _said(error: Exception) -> str:
    """Return the kind of an error and the first line of what it says, if anything."""
    first = next(iter(str(error).strip().splitlines()), "")[:200]
    return f"{type(error).__name__}: {first}".rstrip(":. ")


@dataclass(frozen=True)
class Draw:
    """The sampler of a model as a function of a number and a seed; its samples have `dim` columns, if that is known."""

    sample: Callable[..., Any]
    arrays: NumpyArrays | TorchArrays | JaxArrays
    name: str
    library: str
    dim: int | None

    def __call__(self, n: int, seed: int = 0) -> FloatArray:
        """Return `n` samples, shape ``(n, dim)``.

        Raises
        ------
        FlowError
            If the sampler raises an error, which is its cause, or returns another shape.
        """
        try:
            drawn = self.arrays.draw(self.sample, n, seed)
        except FlowError:
            raise
        except Exception as error:
            raise FlowError(
                f"flow: {LABELS[self.name]} of the model ({self.library}) failed for {n} samples. It raised "
                f"{_said(error)}. If the model is conditional, pass context=. Else pass functions to "
                "eulerot.flow(forward=, inverse=, ...)."
            ) from error
        if drawn.ndim != 2 or drawn.shape != (n, self.dim or drawn.shape[1]):
            raise FlowError(
                f"flow: expected {n} samples of shape ({n}, {self.dim or 'd'}); got {drawn.shape}. Only flows of "
                "vectors can be rearranged: flatten the data, or pass maps of vectors to eulerot.flow."
            )
        return drawn.astype(np.float64)


@dataclass(frozen=True)
class Composed:
    """Functions of rows, one after the other.

    Examples
    --------
    >>> Composed((np.sin, np.abs))(np.array([[-np.pi / 2]]))
    array([[1.]])
    """

    functions: tuple[Callable[[FloatArray], FloatArray], ...]

    def __call__(self, rows: FloatArray) -> FloatArray:
        """Return the values at rows."""
        for function in self.functions:
            rows = function(rows)
        return rows
