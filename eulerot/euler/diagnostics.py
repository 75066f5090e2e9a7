"""Invariants of a field, recorded step by step; a field that is under-resolved is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from eulerot._types import FloatArray
from eulerot.errors import ResolutionError
from eulerot.euler import invariants
from eulerot.euler.equations import Equation
from eulerot.euler.equations._kernels import power_sums

__all__ = ["Diagnostics"]

_COLUMNS = ("times", "energy", "enstrophy", "helicity", "casimirs", "tail")
_NOT_MEASURED = (math.nan, math.nan)


class Diagnostics:
    """Record the invariants of a field at each step, and its Casimirs at some.

    Parameters
    ----------
    equation : Equation
        The equation of the field.
    limit : float or None
        The largest share of the enstrophy that the outermost tenth of the kept modes may hold; None for no limit.
    casimirs_every : int or None
        Every how many steps the Casimirs of the plane are measured, beside the steps of which it is asked for; None for
        those alone. Elsewhere they are not a number.
    earlier : object, optional
        What was recorded before, by the names of the columns.
    """

    def __init__(
        self, equation: Equation, limit: float | None, casimirs_every: int | None, earlier: object | None = None
    ) -> None:
        self._equation, self._limit, self._casimirs_every = equation, limit, casimirs_every
        names = ["times", "energy", "enstrophy", "tail"]
        if equation.grid.dim == 2:
            names.append("casimirs")
        elif not equation.grid.walls:
            names.append("helicity")
        self._columns: dict[str, list[Any]] = {name: list(getattr(earlier, name, ())) for name in names}

    def record(self, time: float, field: np.ndarray, *, casimirs: bool) -> None:
        """Measure a field and append its invariants, its Casimirs in any case if they are asked for.

        Raises
        ------
        ResolutionError
            If it is under-resolved.
        """
        step, measured = len(self._columns["times"]), invariants.measured(field, self._equation.grid)
        self._columns["times"].append(time)
        for name in ("energy", "enstrophy", "tail", "helicity"):
            if name in self._columns:
                self._columns[name].append(getattr(measured, name))
        if "casimirs" in self._columns:
            due = casimirs or (self._casimirs_every is not None and step % self._casimirs_every == 0)
            self._columns["casimirs"].append(_casimirs(self._equation, field) if due else _NOT_MEASURED)
        if self._limit is not None and measured.tail > self._limit:
            raise ResolutionError(
                f"grid: expected at most {self._limit:g} of the enstrophy in the outermost tenth of the kept modes; "
                f"got {measured.tail:.2g} after {step} steps: the field is under-resolved. Raise points (now "
                f"{self._equation.grid.points}), end sooner, or set tail_limit=None to go on regardless."
            )

    def end(self, step: int, field: np.ndarray) -> None:
        """Measure the Casimirs of the last field, after so many steps, if they were not measured then."""
        column = self._columns.get("casimirs")
        if column is not None and math.isnan(column[step][0]):
            column[step] = _casimirs(self._equation, field)

    def last(self, name: str) -> float:
        """Return what was recorded last in a column of numbers."""
        return float(self._columns[name][-1])

    def columns(self, count: int) -> dict[str, FloatArray | None]:
        """Return the first `count` values of each measure by name, None where it is not taken."""
        taken = self._columns
        return {name: np.array(taken[name][:count]) if name in taken else None for name in _COLUMNS}


def _casimirs(equation: Equation, field: np.ndarray) -> tuple[float, ...]:
    """Return the means of the third and the fourth power of the vorticity, row by row of the grid."""
    rows = equation.transforms.by_rows(field[None], equation.vorticity_parities, power_sums, numbers=2)
    return tuple(float(np.sum(each)) / math.prod(equation.grid.points) for each in rows.T)
