"""A solution as a data set of xarray: names, axes, units and attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eulerot._extras import check_installed
from eulerot._types import FloatArray
from eulerot._version import __version__
from eulerot.euler.grid import Grid

if TYPE_CHECKING:
    import xarray

__all__ = ["MEASURES", "dataset"]

# What is measured of a field at each step, by the names of the solution
MEASURES = ("energy", "enstrophy", "helicity", "casimirs", "tail")

_LETTERS = ("x", "y", "z")
# Length and time are those in which the grid and the field are given: the equations have no units of their own
_ATTRIBUTES = {
    "vorticity": ("1 / time", "vorticity at the grid points"),
    "velocity": ("length / time", "velocity at the grid points"),
    "position": ("length", "positions of the particles, not wrapped on a torus"),
    "energy": ("length**2 / time**2", "kinetic energy, 1/2 mean |u|^2"),
    "enstrophy": ("1 / time**2", "enstrophy, 1/2 mean |omega|^2"),
    "helicity": ("length / time**2", "helicity, mean u . omega"),
    "casimirs": ("1 / time**power", "means of the powers of the vorticity"),
    "tail": ("1", "share of the enstrophy in the outermost tenth of the kept modes"),
}


def dataset(
    grid: Grid,
    quantity: str,
    times: FloatArray,
    fields: FloatArray,
    positions: FloatArray | None,
    measures: dict[str, FloatArray],
) -> xarray.Dataset:
    """Return fields, positions and invariants at some times as a data set.

    Parameters
    ----------
    grid : Grid
        Where the fields live.
    quantity : {"vorticity", "velocity"}
        What they are.
    times : ndarray, shape (m,)
        The times.
    fields : ndarray, shape `(m, *points)` or `(m, d, *points)`
        The fields.
    positions : ndarray, shape (m, n, d), or None
        The particles.
    measures : dict of ndarray, shape (m,) or (m, 2)
        The invariants by name.

    Raises
    ------
    ImportError
        If xarray is missing.
    """
    check_installed("xarray", extra="xarray", user="to_xarray")
    import xarray

    space = _LETTERS[: grid.dim]
    vector = ("component",) if fields.ndim == grid.dim + 2 else ()
    data = {quantity: (("time", *vector, *space), fields)}
    if positions is not None:
        data["position"] = (("time", "particle", "component"), positions)
    data |= {name: (("time", "power") if each.ndim == 2 else ("time",), each) for name, each in measures.items()}
    variables = {
        name: (dims, values, {"units": _ATTRIBUTES[name][0], "long_name": _ATTRIBUTES[name][1]})
        for name, (dims, values) in data.items()
    }
    used = {axis for dims, _ in data.values() for axis in dims}
    return xarray.Dataset(variables, coords=_coordinates(grid, times, used), attrs=_attributes(grid, quantity))


def _coordinates(grid: Grid, times: FloatArray, used: set[str]) -> dict[str, tuple[str, np.ndarray, dict[str, str]]]:
    """Return the coordinates of the axes that are used, particles apart, which have none."""
    found: dict[str, tuple[str, np.ndarray, dict[str, str]]] = {
        letter: (letter, axis, {"units": "length", "axis": letter.upper(), "long_name": f"{letter} of the grid points"})
        for letter, axis in zip(_LETTERS, grid.axes, strict=False)
    }
    found["time"] = ("time", times, {"units": "time", "axis": "T", "long_name": "time since the start"})
    found["component"] = ("component", np.array(_LETTERS[: grid.dim]), {"long_name": "axis of the component"})
    found["power"] = ("power", np.array([3, 4]), {"long_name": "power of the vorticity"})
    return {name: each for name, each in found.items() if name in used}


def _attributes(grid: Grid, quantity: str) -> dict[str, str | list[int] | list[float]]:
    """Return what holds for the whole data set, in types that files hold too."""
    return {
        "title": f"solution of the incompressible Euler equations in {grid.dim} dimensions",
        "source": f"eulerot {__version__}",
        "quantity": quantity,
        "domain": grid.domain,
        "points": list(grid.points),
        "lengths": list(grid.sides),
        "dealiasing": grid.dealiasing,
    }
