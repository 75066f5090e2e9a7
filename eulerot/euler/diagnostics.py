"""Invariants of a field, recorded step by step; a field that is under-resolved is refused."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from eulerot._types import FloatArray
from eulerot.errors import ResolutionError
from eulerot.euler import invariants
from eulerot.euler.equations import Equation

__all__ = ["Diagnostics"]

_COLUMNS = ("times", "energy", "enstrophy", "helicity", "casimirs", "tail")


class Diagnostics:
    """Record the invariants of a field at each step.

    Parameters
    ----------
    equation : Equation
        The equation of the field.
    limit : float or None
        The largest share of the enstrophy that the outermost tenth of the kept modes may hold; None for no limit.
    earlier : object, optional
        What was recorded before, by the names of the columns.
    """

    def __init__(self, equation: Equation, limit: float | None, earlier: object | None = None) -> None:
        grid = equation.grid
        self._grid, self._limit = grid, limit
        self._measures: dict[str, Callable[[np.ndarray], float | list[float]]] = {
            "energy": lambda field: invariants.energy(field, grid),
            "enstrophy": lambda field: invariants.enstrophy(field, grid),
            "tail": lambda field: invariants.tail(field, grid),
        }
        if grid.dim == 2:
            self._measures["casimirs"] = lambda field: _casimirs(equation, field)
        elif not grid.walls:
            self._measures["helicity"] = lambda field: invariants.helicity(field, grid)
        self._columns: dict[str, list] = {name: list(getattr(earlier, name, ())) for name in ("times", *self._measures)}

    def record(self, time: float, field: np.ndarray) -> None:
        """Measure a field and append its invariants.

        Raises
        ------
        ResolutionError
            If it is under-resolved.
        """
        self._columns["times"].append(time)
        for name, measure in self._measures.items():
            self._columns[name].append(measure(field))
        share = self._columns["tail"][-1]
        if self._limit is not None and share > self._limit:
            raise ResolutionError(
                f"grid: expected at most {self._limit:g} of the enstrophy in the outermost tenth of the kept modes; "
                f"got {share:.2g} after {len(self._columns['tail']) - 1} steps: the field is under-resolved. Raise "
                f"points (now {self._grid.points}), end sooner, or set tail_limit=None to go on regardless."
            )

    def last(self, name: str) -> float:
        """Return what was recorded last in a column of numbers."""
        return float(self._columns[name][-1])

    def columns(self, count: int) -> dict[str, FloatArray | None]:
        """Return the first `count` values of each measure by name, None where it is not taken."""
        taken = self._columns
        return {name: np.array(taken[name][:count]) if name in taken else None for name in _COLUMNS}


def _casimirs(equation: Equation, field: np.ndarray) -> list[float]:
    """Return the means of the third and the fourth power of the vorticity, row by row of the grid."""

    def powers(vorticity: FloatArray) -> FloatArray:
        square = vorticity[0] ** 2
        return np.stack([np.sum(square * vorticity[0], axis=1), np.sum(square**2, axis=1)], axis=1)

    rows = equation.transforms.by_rows(field[None], equation.vorticity_parities, powers, numbers=2)
    return [float(np.sum(each)) / math.prod(equation.grid.points) for each in rows.T]
