"""The order in which particles are worked on: neighbours together, so that they read the same coefficients."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from eulerot._types import FloatArray
from eulerot.euler.grid import Grid
from eulerot.euler.particles.phases import to_positions

__all__ = ["by_neighbourhood"]

# Cells an axis, as a power of two
_BITS = 5


def by_neighbourhood(phases: FloatArray, grid: Grid) -> np.ndarray:
    """Return the indices that sort particles along a Morton curve through cells of the domain.

    Examples
    --------
    >>> by_neighbourhood(np.array([[0.1, 0.1], [3.0, 3.0], [0.2, 0.1]]), Grid((8, 8)))
    array([0, 2, 1])
    """
    shares = to_positions(phases, grid) / grid.sides
    with np.errstate(invalid="ignore"):  # what is not a number is in some cell, too
        cells = ((shares - np.floor(shares)) * 2**_BITS).astype(np.int64) & (2**_BITS - 1)
    key = np.zeros(len(phases), dtype=np.int16)  # numbers so short are sorted without comparisons
    for axis in range(grid.dim):
        key |= _spread_bits(grid.dim)[cells[:, axis]] << axis
    return np.argsort(key, kind="stable")


@lru_cache(maxsize=2)
def _spread_bits(dim: int) -> np.ndarray:
    """Return for each number of a cell its bits with room between them for those of the other axes."""
    cells = np.arange(2**_BITS, dtype=np.int16)
    return np.bitwise_or.reduce([(cells >> bit & 1) << dim * bit for bit in range(_BITS)])
