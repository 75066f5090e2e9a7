"""The B-splines of tables as polynomials, for array libraries without loops."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from eulerot._types import FloatArray
from eulerot.rearrangement._kernels import ORDER

__all__ = ["spline_polynomials"]


@lru_cache(maxsize=1)
def spline_polynomials() -> FloatArray:
    """Return the eight B-splines of order 8 in a cell by powers of the place in it, shape ``(powers, splines)``.

    Row `k` holds the coefficients of ``t^k`` for ``t`` in [0, 1], splines from left to right, as the loops of tables
    have them.

    Examples
    --------
    >>> polynomials = spline_polynomials()
    >>> bool(np.allclose(polynomials.sum(axis=1), np.eye(8)[0]))  # they add up to one
    True
    """
    t = np.polynomial.Polynomial([0.0, 1.0])
    rows = [np.polynomial.Polynomial([1.0])]
    for k in range(1, ORDER):
        inner = [((t + (k - r)) * rows[r - 1] + ((r + 1) - t) * rows[r]) / k for r in range(1, k)]
        rows = [(1 - t) * rows[0] / k, *inner, t * rows[-1] / k]
    return np.stack([row.coef for row in rows], axis=1)
