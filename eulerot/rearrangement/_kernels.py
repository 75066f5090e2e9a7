"""Numba loops for tables of the plane: tensor products of B-splines of order 8, two components at a time.

A latent z is found in a table by ``c = z / sqrt(z^2 + SCALE^2)``, in equal cells between the images of -REACH and
REACH: fine in the bulk, coarse in the tails, and vector instructions all the way.

Latents are found for LANES points at a time, row by row: then the inner loops become vector instructions. Weights are
in memory for GROUP points at a time, see `eulerot.euler.particles._kernels_splines`.
"""

from __future__ import annotations

import math

import numpy as np

from eulerot._compiled import compiled, inlined
from eulerot.euler.particles._kernels_lanes import aligned
from eulerot.euler.particles._kernels_splines import (
    GROUP,
    LAST,
    ORDER,
    pair_first,
    pair_value,
    weigh_first,
    weigh_value,
)

LANES = 64
SCALE = 1.5
REACH = 7.0
# The image of REACH
EDGE = REACH / math.hypot(REACH, SCALE)
_FAST = {"contract", "nsz", "reassoc"}
_part = inlined(fastmath=_FAST)
# Weights of a point: those of both axes, with room for their derivatives
_WEIGHTS = 4 * ORDER


@_part
def _workspace():
    """Return the arrays of a block: points, cells, places in them, and weights of a group."""
    return np.empty((2, LANES)), np.empty((2, LANES), np.int64), np.empty((2, LANES)), aligned(GROUP * _WEIGHTS)


@_part
def _find(z, cells, cell, place):
    """Find latents in the table: their cells, the outermost ones beyond it, and the places in these over LAST."""
    density, last = cells / (2.0 * EDGE), cells - 1.0
    for p in range(LANES):
        here = (z[p] / math.sqrt(z[p] * z[p] + SCALE * SCALE) + EDGE) * density
        within = min(max(math.floor(here), 0.0), last)
        cell[p] = within
        place[p] = (here - within) * (1.0 / LAST)


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
    z, cell, place, weights = _workspace()
    for start in range(0, len(latents), LANES):
        count = _fill(latents, start, z)
        for t in range(len(tables)):
            coefs = tables[t].reshape(-1)
            for axis in range(2):
                _find(z[axis], cells, cell[axis], place[axis])
            for p in range(count):
                far[start + p] |= max(abs(z[0, p]), abs(z[1, p])) > REACH
            for begin in range(0, LANES, GROUP):
                for p in range(begin, begin + GROUP):
                    weigh_value(weights, _WEIGHTS * (p - begin), (place[0, p], place[1, p]))
                for p in range(begin, begin + GROUP):
                    here = cell[0, p] * width + 2 * cell[1, p]
                    first, second = pair_value(weights, _WEIGHTS * (p - begin), coefs, here, width)
                    z[0, p] += first
                    z[1, p] += second
        for p in range(count):
            latents[start + p, 0], latents[start + p, 1] = z[0, p], z[1, p]


@compiled(fastmath=_FAST)
def slopes(table, latents, out):
    """Fill `out`, shape (n, 2, 2), with the derivatives of both displacements by both latents."""
    cells, width, coefs = table.shape[0] - ORDER + 1, 2 * table.shape[1], table.reshape(-1)
    z, cell, place, weights = _workspace()
    for start in range(0, len(latents), LANES):
        count = _fill(latents, start, z)
        for axis in range(2):
            _find(z[axis], cells, cell[axis], place[axis])
        for p in range(count):
            weigh_first(weights, 0, (place[0, p], place[1, p]))
            values = pair_first(weights, 0, coefs, cell[0, p] * width + 2 * cell[1, p], width)
            for axis in range(2):
                # dc / dz = SCALE^2 / (z^2 + SCALE^2)^(3/2)
                square = z[axis, p] * z[axis, p] + SCALE * SCALE
                rate = cells / (2.0 * EDGE) * SCALE * SCALE / (square * math.sqrt(square))
                out[start + p, 0, axis], out[start + p, 1, axis] = (
                    rate * values[2 + 2 * axis],
                    rate * values[3 + 2 * axis],
                )
