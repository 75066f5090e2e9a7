"""The Euler equations on a grid: for the vorticity in the plane, for the velocity in space."""

from __future__ import annotations

import math
from functools import lru_cache

from eulerot.euler.equations.box import BoxVorticityEquation, box_pays
from eulerot.euler.equations.velocity import VelocityEquation
from eulerot.euler.equations.vorticity import VorticityEquation
from eulerot.euler.grid import Grid

__all__ = ["BoxVorticityEquation", "Equation", "VelocityEquation", "VorticityEquation", "equation_of"]

Equation = VorticityEquation | VelocityEquation

# Up to so many points an equation is kept for the next one who asks: its matrices, plans and room
_SMALL = 2**16


def equation_of(grid: Grid, *, threads: int = 1, backend: str | None = None) -> Equation:
    """Return the equation of a grid's dimension, with matrices for transforms where that is faster.

    Examples
    --------
    >>> equation_of(Grid((8, 8, 8))).shape
    (3, 5, 5, 3)
    """
    make = _kept if grid.ranks.size == 1 and math.prod(grid.points) <= _SMALL else _made
    return make(grid, threads, backend)


def _made(grid: Grid, threads: int, backend: str | None) -> Equation:
    if backend is None and box_pays(grid):
        return BoxVorticityEquation(grid, threads=threads)
    kind = VorticityEquation if grid.dim == 2 else VelocityEquation
    return kind(grid, threads=threads, backend=backend)


_kept = lru_cache(maxsize=32)(_made)
