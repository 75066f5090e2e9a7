"""The B-splines of tables as polynomials, for array libraries without loops."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from eulerot._types import FloatArray
from eulerot.euler.particles import _kernels_splines

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
    return np.array(_kernels_splines.spline_polynomials(_kernels_splines.ORDER), dtype=np.float64)
