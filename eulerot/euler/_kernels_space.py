"""Numba loops for particles in space: a velocity of three series and its gradient, and the transpose.

``u_i = sum U_imno b_m(x) b_n(y) b_o(z)``: in the box component i has ``sin((m + 1) x)`` along its own axis, and
``cos(m x)`` along the others.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from eulerot.euler._kernels_basis import FUSE, LANES, TILE, contract, deposit, layout, spread, tabulate, weigh


@njit
def workspace(series, walls):
    """Return the arrays that `evaluate` and `collect` work in: tables, sines and cosines, sums, sums of those."""
    _, m, n, o = series.shape
    steps = layout(m, walls, True)[2], layout(n, walls, True)[2], layout(o, walls, True)[2]
    tables = np.empty(2 * steps[0]), np.empty(2 * steps[1]), np.empty(2 * steps[2])
    return (*tables, np.empty(2 * LANES), np.empty(TILE * LANES), np.empty(3 * LANES))


@njit(fastmath=FUSE)
def _tabulate_all(position, walls, shape, derivatives, work):
    for axis in range(3):
        tabulate(position, axis, walls, layout(shape[1 + axis], walls, True)[0], derivatives, work[3], work[axis])


@njit(fastmath=FUSE)
def _add_product(sums, row, table, start, out, into):
    for p in range(LANES):
        out[into * LANES + p] += sums[row * LANES + p] * table[start + p]


@njit(fastmath=FUSE)
def evaluate(series, walls, position, full, work, velocity, gradient):
    """Fill `velocity`; if `full`, also `gradient` with the nine derivatives, row by row."""
    table_x, table_y, table_z, _, sums, inner = work
    _, rows, columns, count = series.shape
    _tabulate_all(position, walls, series.shape, 1 if full else 0, work)
    velocity[:] = 0.0
    if full:
        gradient[:] = 0.0
    for i in range(3):
        _, x, dx = layout(rows, walls, i == 0)
        _, y, dy = layout(columns, walls, i == 1)
        _, z, dz = layout(count, walls, i == 2)
        for m in range(rows):
            inner[:] = 0.0
            for n in range(0, columns, TILE):
                contract(series[i, m], n, table_z, z, sums)
                weigh(sums, table_y, y + n * LANES, inner, 0)
                if full:
                    weigh(sums, table_y, y + dy + n * LANES, inner, 1)
                    contract(series[i, m], n, table_z, z + dz, sums)
                    weigh(sums, table_y, y + n * LANES, inner, 2)
            _add_product(inner, 0, table_x, x + m * LANES, velocity, i)
            if full:
                _add_product(inner, 0, table_x, x + dx + m * LANES, gradient, 3 * i)
                _add_product(inner, 1, table_x, x + m * LANES, gradient, 3 * i + 1)
                _add_product(inner, 2, table_x, x + m * LANES, gradient, 3 * i + 2)


@njit(fastmath=FUSE)
def collect(multiplier, position, walls, work, series_bar):
    """Add ``sum_p mu . dU/dU_imno`` to `series_bar`, the type-1 sum of equation (10)."""
    table_x, table_y, table_z, _, sums, inner = work
    _, rows, columns, count = series_bar.shape
    _tabulate_all(position, walls, series_bar.shape, 0, work)
    for i in range(3):
        x, y, z = layout(rows, walls, i == 0)[1], layout(columns, walls, i == 1)[1], layout(count, walls, i == 2)[1]
        for m in range(rows):
            inner[:LANES] = 0.0
            _add_product(multiplier, i, table_x, x + m * LANES, inner, 0)
            for n in range(0, columns, TILE):
                spread(inner, 0, table_y, y + n * LANES, sums)
                deposit(sums, table_z, z, series_bar[i, m], n)
