"""The sectional curvature of the group of volume-preserving maps, from the pressures of two velocities."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from eulerot.euler import invariants
from eulerot.euler.equations import Equation, equation_of
from eulerot.euler.grid import Grid, checked_grid
from eulerot.euler.pressure import Pressure

__all__ = ["sectional_curvature"]

# Two directions that differ by less, as a share of their length, span no plane that is told from rounding
_PARALLEL = 1e-7


def sectional_curvature(field1: ArrayLike, field2: ArrayLike, grid: Grid) -> float:
    """Return the sectional curvature of the volume-preserving maps in the plane of two velocities, equation (25).

    The metric is the energy, ``<u, v> = mean u . v``. With the integral for the mean, as in Arnold's formulas, the
    curvature is that divided by the volume of the domain. It is negative in most planes: maps that are close part. The
    maps of a flat domain are flat without the constraint of volume, so that Gauss's equation leaves pressures alone.

    Parameters
    ----------
    field1, field2 : array_like
        The two velocities, in two dimensions by their vorticity, shape `grid.points`; in three as they are, shape
        ``(3, *grid.points)``. Only the plane that they span matters.
    grid : Grid
        Domain and truncation. What it does not keep is dropped; all products of what it keeps are there.

    Returns
    -------
    float
        The curvature of the plane.

    Raises
    ------
    ValueError
        If they do not fit the grid, are zero, or span no plane.

    See Also
    --------
    eulerot.jacobi_field : How neighbouring geodesics move apart.
    eulerot.conjugate_time : When neighbouring geodesics meet again.

    References
    ----------
    V. I. Arnold, Ann. Inst. Fourier 16:319 (1966), https://doi.org/10.5802/aif.233.
    G. Misiolek, Indiana Univ. Math. J. 42:215 (1993), https://doi.org/10.1512/iumj.1993.42.42011.

    Examples
    --------
    >>> grid = Grid((16, 16))
    >>> x, y = grid.mesh()
    >>> round(sectional_curvature(np.cos(x), np.cos(y), grid), 12)
    -0.5
    """
    equation = equation_of(checked_grid(grid))
    first = _unit("field1", _analysed(equation, "field1", field1), grid)
    second = _unit("field2", _analysed(equation, "field2", field2), grid)
    rest = second - _inner(first, second, grid) * first
    if math.sqrt(2 * invariants.energy(rest, grid)) < _PARALLEL:
        raise ValueError("field2: expected another direction than that of field1; got the same. They span no plane.")
    second = _unit("field2", rest, grid)
    # the pressure is quadratic: those of sums and differences give that of two velocities
    one, other, plus, minus = (Pressure(equation, each) for each in (first, second, first + second, first - second))
    mixed = (plus.inner(plus) - 2 * plus.inner(minus) + minus.inner(minus)) / 16
    return one.inner(other) - mixed


def _analysed(equation: Equation, name: str, field: ArrayLike) -> np.ndarray:
    grid = equation.grid
    return equation.analysed(grid.checked_field(name, field, components=0 if grid.dim == 2 else 3))


def _unit(name: str, field: np.ndarray, grid: Grid) -> np.ndarray:
    length = math.sqrt(2 * invariants.energy(field, grid))
    if length == 0.0:
        raise ValueError(f"{name}: expected a velocity on the grid; got one at rest.")
    return field / length


def _inner(first: np.ndarray, second: np.ndarray, grid: Grid) -> float:
    """Return ``mean u . v``."""
    return 0.5 * (invariants.energy(first + second, grid) - invariants.energy(first - second, grid))
