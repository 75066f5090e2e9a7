"""Numba loops for tables of the plane: tensor products of B-splines of order 8, two components at a time.

A latent z is found in a table by ``c = z / sqrt(z^2 + SCALE^2)``, in equal cells between the images of -REACH and
REACH: fine in the bulk, coarse in the tails, and vector instructions all the way.

Weights are computed for LANES points at a time, row by row, and sums are written out over the eight rows of
coefficients: then the inner loops become vector instructions.
"""

from __future__ import annotations

import math

import numpy as np

from eulerot._compiled import compiled, inlined

ORDER = 8
LANES = 64
SCALE = 1.5
REACH = 7.0
# The image of REACH
EDGE = REACH / math.hypot(REACH, SCALE)
_FAST = {"contract", "nsz", "reassoc"}
_part = inlined(fastmath=_FAST)


@_part
def workspace():
    """Return the arrays of a block: points, cells, places in them, splines by order, weights of both axes, sums."""
    cell, place = np.empty((2, LANES), np.int64), np.empty((2, LANES))
    weights = np.empty((LANES, ORDER)), np.empty((LANES, ORDER))
    return np.empty((2, LANES)), cell, place, np.empty((ORDER, LANES)), weights, np.empty(2 * ORDER)


@_part
def _find(z, cells, cell, place):
    """Find latents in the table: their cells, the outermost ones if they are beyond, and the places in these."""
    density, last = cells / (2.0 * EDGE), cells - 1.0
    for p in range(LANES):
        here = (z[p] / math.sqrt(z[p] * z[p] + SCALE * SCALE) + EDGE) * density
        within = min(max(math.floor(here), 0.0), last)
        cell[p] = within
        place[p] = here - within


@_part
def _raise(place, k, rows):
    """Turn rows of B-splines of order `k` at places in a cell, from left to right, into those of order ``k + 1``."""
    share = 1.0 / k
    for p in range(LANES):
        rows[k, p] = place[p] * rows[k - 1, p] * share
    for r in range(k - 1, 0, -1):
        for p in range(LANES):
            rows[r, p] = ((place[p] + (k - r)) * rows[r - 1, p] + ((r + 1) - place[p]) * rows[r, p]) * share
    for p in range(LANES):
        rows[0, p] = (1.0 - place[p]) * rows[0, p] * share


@_part
def _weigh(place, slope, rows, weights):
    """Fill `weights` with the eight B-splines at places in a cell, or if `slope` with their derivatives."""
    for p in range(LANES):
        rows[0, p] = 1.0
    for k in range(1, ORDER - 1):
        _raise(place, k, rows)
    if slope:  # of order 8: differences of those of order 7
        for p in range(LANES):
            weights[p, 0], weights[p, ORDER - 1] = -rows[0, p], rows[ORDER - 2, p]
        for r in range(1, ORDER - 1):
            for p in range(LANES):
                weights[p, r] = rows[r - 1, p] - rows[r, p]
    else:
        _raise(place, ORDER - 1, rows)
        for r in range(ORDER):
            for p in range(LANES):
                weights[p, r] = rows[r, p]


@_part
def _sum(coefs, start, width, x, y, sums):
    """Return both components of ``sum_rk x_r y_k c_rk``, from the coefficient at `start` on."""
    x0, x1, x2, x3, x4, x5, x6, x7 = x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7]
    a, b, c, d = coefs[start:], coefs[start + width :], coefs[start + 2 * width :], coefs[start + 3 * width :]
    start += 4 * width
    e, f, g, h = coefs[start:], coefs[start + width :], coefs[start + 2 * width :], coefs[start + 3 * width :]
    for k in range(2 * ORDER):
        upper = x0 * a[k] + x1 * b[k] + x2 * c[k] + x3 * d[k]
        sums[k] = upper + (x4 * e[k] + x5 * f[k] + x6 * g[k] + x7 * h[k])
    first = second = 0.0
    for k in range(ORDER):
        first += y[k] * sums[2 * k]
        second += y[k] * sums[2 * k + 1]
    return first, second


@_part
def _fill(latents, start, z):
    """Copy a block of latents, its last one again where there are no more."""
    count = min(LANES, len(latents) - start)
    for p in range(LANES):
        z[0, p], z[1, p] = latents[start + min(p, count - 1), 0], latents[start + min(p, count - 1), 1]
    return count


@compiled(fastmath=_FAST)
def displace(tables, latents, far):
    """Move latents in place by the displacements of several tables in turn.

    Parameters
    ----------
    tables : ndarray, shape (t, m, m, 2)
        Coefficients; the first of the eight splines that are not zero in the first cell has index 0.
    latents : ndarray, shape (n, 2)
        The latents.
    far : ndarray of bool, shape (n,)
        Set where a latent is beyond REACH on its way, and the result means nothing.
    """
    cells, width = tables.shape[1] - ORDER + 1, 2 * tables.shape[2]
    z, cell, place, rows, (x, y), sums = workspace()
    for start in range(0, len(latents), LANES):
        count = _fill(latents, start, z)
        for t in range(len(tables)):
            coefs = tables[t].reshape(-1)
            for axis, weights in ((0, x), (1, y)):
                _find(z[axis], cells, cell[axis], place[axis])
                _weigh(place[axis], False, rows, weights)
            for p in range(count):
                far[start + p] |= max(abs(z[0, p]), abs(z[1, p])) > REACH
                first, second = _sum(coefs, cell[0, p] * width + 2 * cell[1, p], width, x[p], y[p], sums)
                z[0, p] += first
                z[1, p] += second
        for p in range(count):
            latents[start + p, 0], latents[start + p, 1] = z[0, p], z[1, p]


@compiled(fastmath=_FAST)
def slopes(table, latents, out):
    """Fill `out`, shape (n, 2, 2), with the derivatives of both displacements by both latents."""
    cells, width, coefs = table.shape[0] - ORDER + 1, 2 * table.shape[1], table.reshape(-1)
    z, cell, place, rows, (x, y), sums = workspace()
    for start in range(0, len(latents), LANES):
        count = _fill(latents, start, z)
        for axis in range(2):
            _find(z[0], cells, cell[0], place[0])
            _weigh(place[0], axis == 0, rows, x)
            _find(z[1], cells, cell[1], place[1])
            _weigh(place[1], axis == 1, rows, y)
            for p in range(count):
                # dc / dz = SCALE^2 / (z^2 + SCALE^2)^(3/2)
                square = z[axis, p] * z[axis, p] + SCALE * SCALE
                rate = cells / (2.0 * EDGE) * SCALE * SCALE / (square * math.sqrt(square))
                first, second = _sum(coefs, cell[0, p] * width + 2 * cell[1, p], width, x[p], y[p], sums)
                out[start + p, 0, axis], out[start + p, 1, axis] = rate * first, rate * second
