"""Sweeps of geodesics as named arrays, for files."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from eulerot.euler.geodesic import Geodesic
from eulerot.euler.grid import Grid
from eulerot.euler.integrators import DOP853, RK4
from eulerot.rearrangement.conditional import ConditionalSweep
from eulerot.rearrangement.sweep import Sweep

__all__ = ["restored_sweep", "stored_sweep"]

# What a conditional sweep has
_CONDITIONAL = ("axes", "directions", "offsets", "weights", "steps")
_TABLEAUS = {tableau.name: tableau for tableau in (RK4, DOP853)}


def stored_sweep(sweep: Sweep | ConditionalSweep, prefix: str) -> dict[str, ArrayLike]:
    """Return a sweep as arrays whose names begin with `prefix`; not its threads, on which nothing depends.

    Raises
    ------
    ValueError
        If the scheme of a geodesic is none of the package's own, which no file could name.

    Examples
    --------
    >>> sweep = Sweep((Geodesic(np.zeros((8, 8)), Grid((8, 8), "cube"), steps=4),), np.eye(2))
    >>> arrays = {name: np.asarray(array) for name, array in stored_sweep(sweep, "sweep0_").items()}
    >>> restored_sweep(arrays, "sweep0_", threads=1).geodesics[0].steps
    4
    """
    if isinstance(sweep, ConditionalSweep):
        return {prefix + name: getattr(sweep, name) for name in _CONDITIONAL}
    arrays: dict[str, ArrayLike] = {f"{prefix}axes": sweep.axes, f"{prefix}geodesics": len(sweep.geodesics)}
    for j, (geodesic, plane) in enumerate(zip(sweep.geodesics, sweep.planes, strict=True)):
        arrays |= _stored_geodesic(geodesic, f"{prefix}geodesic{j}_") | {f"{prefix}geodesic{j}_plane": plane}
    return arrays


def restored_sweep(arrays: Mapping[str, np.ndarray], prefix: str, threads: int) -> Sweep | ConditionalSweep:
    """Return the sweep that `stored_sweep` turned into arrays.

    Raises
    ------
    KeyError, ValueError
        If an array is missing, or does not fit.
    """
    if f"{prefix}weights" in arrays:
        axes, directions, offsets, weights, steps = (arrays[prefix + name] for name in _CONDITIONAL)
        return ConditionalSweep(axes, directions, offsets, weights, int(steps), threads)
    names = [f"{prefix}geodesic{j}_" for j in range(int(arrays[f"{prefix}geodesics"]))]
    geodesics = tuple(_restored_geodesic(arrays, name, threads) for name in names)
    planes = tuple(tuple(arrays[f"{name}plane"].tolist()) for name in names)
    return Sweep(geodesics, arrays[f"{prefix}axes"], planes)


def _stored_geodesic(geodesic: Geodesic, prefix: str) -> dict[str, ArrayLike]:
    tableau, grid = geodesic.tableau, geodesic.grid
    known = _TABLEAUS.get(tableau.name)
    if known is None or not (np.array_equal(tableau.a, known.a) and np.array_equal(tableau.b, known.b)):
        raise ValueError(f"tableau: expected one of {tuple(_TABLEAUS)} to save; got another, {tableau.name!r}.")
    arrays: dict[str, ArrayLike] = {
        "field0_hat": geodesic.field0_hat, "time": geodesic.time, "steps": geodesic.steps, "tableau": tableau.name,
        "field_steps": geodesic.field_steps or 0,
        "points": grid.points, "domain": grid.domain, "lengths": grid.sides, "dealiasing": grid.dealiasing,
    }  # fmt: skip
    return {prefix + name: value for name, value in arrays.items()}


def _restored_geodesic(arrays: Mapping[str, np.ndarray], prefix: str, threads: int) -> Geodesic:
    def named(name: str) -> np.ndarray:
        return arrays[prefix + name]

    points, lengths = tuple(named("points").tolist()), tuple(named("lengths").tolist())
    grid = Grid(points, str(named("domain")), lengths=lengths, dealiasing=str(named("dealiasing")))
    # versions 1 and 2 had the values at the grid points, and version 1 no steps of the field
    field0_hat = arrays.get(prefix + "field0_hat")
    if field0_hat is None:
        field0_hat = Geodesic(named("field0"), grid).field0_hat
    return Geodesic.from_coefficients(
        field0_hat, grid, time=float(named("time")), steps=int(named("steps")),
        tableau=_TABLEAUS[str(named("tableau"))], threads=threads,
        field_steps=int(arrays.get(prefix + "field_steps", 0)) or None,
    )  # fmt: skip
