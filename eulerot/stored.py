"""Geodesics as named arrays, for files."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from eulerot.euler.geodesic import Geodesic
from eulerot.euler.grid import Grid
from eulerot.euler.integrators import DOP853, RK4

__all__ = ["restored_geodesic", "stored_geodesic"]

_TABLEAUS = {tableau.name: tableau for tableau in (RK4, DOP853)}


def stored_geodesic(geodesic: Geodesic, prefix: str) -> dict[str, ArrayLike]:
    """Return a geodesic as arrays whose names begin with `prefix`; not its threads, on which nothing depends.

    Raises
    ------
    ValueError
        If its scheme is none of the package's own, which no file could name.

    Examples
    --------
    >>> geodesic = Geodesic(np.zeros((8, 8)), Grid((8, 8), "cube"), steps=4)
    >>> restored_geodesic({name: np.asarray(a) for name, a in stored_geodesic(geodesic, "a_").items()}, "a_", 1).steps
    4
    """
    tableau, grid = geodesic.tableau, geodesic.grid
    known = _TABLEAUS.get(tableau.name)
    if known is None or not (np.array_equal(tableau.a, known.a) and np.array_equal(tableau.b, known.b)):
        raise ValueError(f"tableau: expected one of {tuple(_TABLEAUS)} to save; got another, {tableau.name!r}.")
    arrays: dict[str, ArrayLike] = {
        "field0": geodesic.field0, "time": geodesic.time, "steps": geodesic.steps, "tableau": tableau.name,
        "field_steps": geodesic.field_steps or 0,
        "points": grid.points, "domain": grid.domain, "lengths": grid.sides, "dealiasing": grid.dealiasing,
    }  # fmt: skip
    return {prefix + name: value for name, value in arrays.items()}


def restored_geodesic(arrays: Mapping[str, np.ndarray], prefix: str, threads: int) -> Geodesic:
    """Return the geodesic that `stored_geodesic` turned into arrays.

    Raises
    ------
    KeyError, ValueError
        If an array is missing, or does not fit.
    """

    def named(name: str) -> np.ndarray:
        return arrays[prefix + name]

    points, lengths = tuple(named("points").tolist()), tuple(named("lengths").tolist())
    grid = Grid(points, str(named("domain")), lengths=lengths, dealiasing=str(named("dealiasing")))
    return Geodesic(
        named("field0"), grid, time=float(named("time")), steps=int(named("steps")),
        tableau=_TABLEAUS[str(named("tableau"))], threads=threads,
        field_steps=int(arrays.get(prefix + "field_steps", 0)) or None,  # version 1 had no such array
    )  # fmt: skip
