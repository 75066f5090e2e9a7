"""Maps as named arrays, for files: what is in them, and their versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from eulerot._types import FloatArray
from eulerot.euler.geodesic import Geodesic
from eulerot.euler.grid import Grid
from eulerot.euler.integrators import DOP853, RK4
from eulerot.rearrangement.conditional import ConditionalSweep
from eulerot.rearrangement.sweep import Sweep

__all__ = ["KIND", "VERSION", "restored_parts", "stored_parts", "version_of"]

KIND = "eulerot rearrangement"
# Raised when older readers would misread a file; files that they can read all of have the version of theirs
VERSION, _OF_CONDITIONALS, _OF_RUNGE_KUTTA = 5, 4, 3

# What a conditional sweep has
_CONDITIONAL = ("axes", "directions", "offsets", "weights", "steps")
_TABLEAUS = {tableau.name: tableau for tableau in (RK4, DOP853)}


def version_of(sweeps: Sequence[Sweep | ConditionalSweep]) -> int:
    """Return the version of the file of a map with these sweeps."""
    if any(isinstance(sweep, Sweep) and any(each.multistep for each in sweep.geodesics) for sweep in sweeps):
        return VERSION
    return _OF_CONDITIONALS if any(isinstance(sweep, ConditionalSweep) for sweep in sweeps) else _OF_RUNGE_KUTTA


def stored_parts(
    rotation: FloatArray, sweeps: Sequence[Sweep | ConditionalSweep], shift: FloatArray | None
) -> dict[str, ArrayLike]:
    """Return what a map is made of as named arrays.

    Raises
    ------
    ValueError
        If the scheme of a geodesic is none of the package's own, which no file could name.

    Examples
    --------
    >>> sweep = Sweep((Geodesic(np.zeros((8, 8)), Grid((8, 8), "cube"), steps=4),), np.eye(2))
    >>> arrays = {name: np.asarray(array) for name, array in stored_parts(np.eye(2), [sweep], None).items()}
    >>> restored_parts(arrays, threads=1)[1][0].geodesics[0].steps
    4
    """
    arrays: dict[str, ArrayLike] = {"rotation": rotation, "sweeps": len(sweeps)}
    if shift is not None:
        arrays["shift"] = shift
    for i, sweep in enumerate(sweeps):
        arrays |= _stored_sweep(sweep, f"sweep{i}_")
    return arrays


def restored_parts(
    arrays: Mapping[str, np.ndarray], threads: int
) -> tuple[FloatArray, tuple[Sweep | ConditionalSweep, ...], FloatArray | None]:
    """Return the rotation, the sweeps and the shift that `stored_parts` turned into arrays.

    Raises
    ------
    KeyError, TypeError, ValueError
        If an array is missing, or does not fit.
    """
    sweeps = tuple(_restored_sweep(arrays, f"sweep{i}_", threads) for i in range(int(arrays["sweeps"])))
    return arrays["rotation"], sweeps, arrays.get("shift")


def _stored_sweep(sweep: Sweep | ConditionalSweep, prefix: str) -> dict[str, ArrayLike]:
    """Return a sweep as arrays whose names begin with `prefix`; not its threads, on which nothing depends."""
    if isinstance(sweep, ConditionalSweep):
        return {prefix + name: getattr(sweep, name) for name in _CONDITIONAL}
    arrays: dict[str, ArrayLike] = {f"{prefix}axes": sweep.axes, f"{prefix}geodesics": len(sweep.geodesics)}
    for j, (geodesic, plane) in enumerate(zip(sweep.geodesics, sweep.planes, strict=True)):
        arrays |= _stored_geodesic(geodesic, f"{prefix}geodesic{j}_") | {f"{prefix}geodesic{j}_plane": plane}
    return arrays


def _restored_sweep(arrays: Mapping[str, np.ndarray], prefix: str, threads: int) -> Sweep | ConditionalSweep:
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
        "field_steps": geodesic.field_steps or 0, "multistep": geodesic.multistep,
        "few_steps": geodesic.few_steps or 0, "tolerance": geodesic.tolerance,
        "points": grid.points, "domain": grid.domain, "lengths": grid.sides, "dealiasing": grid.dealiasing,
    }  # fmt: skip
    return {prefix + name: value for name, value in arrays.items()}


def _restored_geodesic(arrays: Mapping[str, np.ndarray], prefix: str, threads: int) -> Geodesic:
    def named(name: str) -> np.ndarray:
        return arrays[prefix + name]

    points, lengths = tuple(named("points").tolist()), tuple(named("lengths").tolist())
    grid = Grid(points, str(named("domain")), lengths=lengths, dealiasing=str(named("dealiasing")))
    # versions 1 and 2 had the values at the grid points, version 1 no steps of the field, and up to 4 all one scheme;
    # readers that know no few steps take all of them, which is within the tolerance
    field0_hat = arrays.get(prefix + "field0_hat")
    if field0_hat is None:
        field0_hat = Geodesic(named("field0"), grid).field0_hat
    return Geodesic.from_coefficients(
        field0_hat, grid, time=float(named("time")), steps=int(named("steps")),
        tableau=_TABLEAUS[str(named("tableau"))], threads=threads,
        field_steps=int(arrays.get(prefix + "field_steps", 0)) or None,
        multistep=bool(arrays.get(prefix + "multistep", False)),
        few_steps=int(arrays.get(prefix + "few_steps", 0)) or None,
        tolerance=float(arrays.get(prefix + "tolerance", 1e-9)),
    )  # fmt: skip
