"""The Euler equations on a grid: for the vorticity in the plane, for the velocity in space."""

from __future__ import annotations

from eulerot.euler.equations.velocity import VelocityEquation
from eulerot.euler.equations.vorticity import VorticityEquation
from eulerot.euler.grid import Grid

__all__ = ["Equation", "VelocityEquation", "VorticityEquation", "equation_of"]

Equation = VorticityEquation | VelocityEquation


def equation_of(grid: Grid, *, threads: int = 1, backend: str | None = None) -> Equation:
    """Return the equation of a grid's dimension.

    Examples
    --------
    >>> equation_of(Grid((8, 8, 8))).shape
    (3, 5, 5, 3)
    """
    kind = VorticityEquation if grid.dim == 2 else VelocityEquation
    return kind(grid, threads=threads, backend=backend)
