"""Numba loops for tables of the plane: tensor products of B-splines of order 8, two components at a time.

Weights are computed for LANES points at a time, row by row, and sums are written out over the eight rows of
coefficients: then the inner loops become vector instructions.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

ORDER = 8
LANES = 64
_FAST = {"contract", "nsz", "reassoc"}


@njit(fastmath=_FAST)
def _raise(fraction, k, rows):
    """Turn rows of B-splines of order `k` at fractions of a cell, from left to right, into those of order ``k + 1``."""
    share = 1.0 / k
    for p in range(LANES):
        rows[k, p] = fraction[p] * rows[k - 1, p] * share
    for r in range(k - 1, 0, -1):
        for p in range(LANES):
            rows[r, p] = ((fraction[p] + (k - r)) * rows[r - 1, p] + ((r + 1) - fraction[p]) * rows[r, p]) * share
    for p in range(LANES):
        rows[0, p] = (1.0 - fraction[p]) * rows[0, p] * share


@njit(fastmath=_FAST)
def _weigh(place, axis, slope, cell, fraction, rows, weights):
    """Fill `cell`, and `weights` with the eight B-splines there, or if `slope` with their derivatives."""
    count = len(place)
    for p in range(LANES):
        here = place[min(p, count - 1), axis]
        cell[p] = math.floor(here)
        fraction[p] = here - cell[p]
        rows[0, p] = 1.0
    for k in range(1, ORDER - 1):
        _raise(fraction, k, rows)
    if slope:  # of order 8: differences of those of order 7
        for p in range(LANES):
            weights[p, 0], weights[p, ORDER - 1] = -rows[0, p], rows[ORDER - 2, p]
        for r in range(1, ORDER - 1):
            for p in range(LANES):
                weights[p, r] = rows[r - 1, p] - rows[r, p]
    else:
        _raise(fraction, ORDER - 1, rows)
        for r in range(ORDER):
            for p in range(LANES):
                weights[p, r] = rows[r, p]


@njit(fastmath=_FAST)
def _columns(coefs, start, width, x, sums):
    """Set `sums` to ``sum_r x_r c_rk`` of the eight rows of coefficients that begin at `start`, both components."""
    x0, x1, x2, x3, x4, x5, x6, x7 = x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7]
    a, b, c, d = coefs[start:], coefs[start + width :], coefs[start + 2 * width :], coefs[start + 3 * width :]
    start += 4 * width
    e, f, g, h = coefs[start:], coefs[start + width :], coefs[start + 2 * width :], coefs[start + 3 * width :]
    for k in range(2 * ORDER):
        upper = x0 * a[k] + x1 * b[k] + x2 * c[k] + x3 * d[k]
        sums[k] = upper + (x4 * e[k] + x5 * f[k] + x6 * g[k] + x7 * h[k])


@njit(cache=True, nogil=True, fastmath=_FAST)
def interpolate(coefs, place, axis, out):
    """Fill `out` with both components at places in cells, or with their derivative along an axis, 0 or 1.

    Parameters
    ----------
    coefs : ndarray, shape (m, n, 2)
        Coefficients; the first of the eight splines that are not zero in the cell from 0 to 1 has index 0.
    place : ndarray, shape (p, 2)
        Places in cells, at least 0.
    axis : int
        The axis of the derivative; -1 for the value itself.
    out : ndarray, shape (p, 2)
        The result.
    """
    row, column, fraction = np.empty(LANES, np.int64), np.empty(LANES, np.int64), np.empty(LANES)
    flat, width, sums = coefs.reshape(-1), 2 * coefs.shape[1], np.empty(2 * ORDER)
    rows, x, y = np.empty((ORDER, LANES)), np.empty((LANES, ORDER)), np.empty((LANES, ORDER))
    for start in range(0, len(place), LANES):
        block = place[start : start + LANES]
        _weigh(block, 0, axis == 0, row, fraction, rows, x)
        _weigh(block, 1, axis == 1, column, fraction, rows, y)
        for p in range(len(block)):
            _columns(flat, row[p] * width + 2 * column[p], width, x[p], sums)
            first = second = 0.0
            for k in range(ORDER):
                first += y[p, k] * sums[2 * k]
                second += y[p, k] * sums[2 * k + 1]
            out[start + p, 0], out[start + p, 1] = first, second
