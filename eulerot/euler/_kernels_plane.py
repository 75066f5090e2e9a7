"""Numba loops for particles in the plane: velocity and gradient of a stream function, and the transpose.

``u = sum Psi_mn b_m(x) b'_n(y)`` and ``v = -sum Psi_mn b'_m(x) b_n(y)``; in the box ``b_m = sin((m + 1) x)``.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from eulerot.euler._kernels_basis import FUSE, LANES, TILE, contract, deposit, layout, spread, tabulate, weigh


@njit
def workspace(psi, walls):
    """Return the arrays that `evaluate` and `collect` work in: tables, sines and cosines, sums, weights."""
    step_x, step_y = layout(psi.shape[0], walls, True)[2], layout(psi.shape[1], walls, True)[2]
    return np.empty(3 * step_x), np.empty(3 * step_y), np.empty(2 * LANES), np.empty(TILE * LANES), np.empty(LANES)


@njit(fastmath=FUSE)
def evaluate(psi, walls, position, full, work, velocity, gradient):
    """Fill `velocity`; if `full`, also `gradient` with ``u_x, u_y, v_x, v_y``."""
    table_x, table_y, trig, sums, _ = work
    (harmonics_x, x, dx), (harmonics_y, y, dy) = layout(psi.shape[0], walls, True), layout(psi.shape[1], walls, True)
    tabulate(position, 0, walls, harmonics_x, 2 if full else 1, trig, table_x)
    tabulate(position, 1, walls, harmonics_y, 2 if full else 1, trig, table_y)
    velocity[:] = 0.0
    if full:
        gradient[:] = 0.0
    for m in range(0, psi.shape[0], TILE):
        contract(psi, m, table_y, y, sums)
        weigh(sums, table_x, x + dx, velocity, 1)
        if full:
            weigh(sums, table_x, x + 2 * dx, gradient, 2)
        contract(psi, m, table_y, y + dy, sums)
        weigh(sums, table_x, x, velocity, 0)
        if full:
            weigh(sums, table_x, x + dx, gradient, 0)
            contract(psi, m, table_y, y + 2 * dy, sums)
            weigh(sums, table_x, x, gradient, 1)
        x += TILE * LANES
    for p in range(LANES):
        velocity[LANES + p] = -velocity[LANES + p]
    if full:
        for p in range(LANES):
            gradient[2 * LANES + p] = -gradient[2 * LANES + p]
            gradient[3 * LANES + p] = -gradient[p]


@njit(fastmath=FUSE)
def collect(multiplier, position, walls, work, psi_bar):
    """Add ``sum_p mu . dU/dPsi_mn`` to `psi_bar`, the type-1 sum of equation (10)."""
    table_x, table_y, trig, sums, weights = work
    rows, columns = psi_bar.shape
    (harmonics_x, x, dx), (harmonics_y, y, dy) = layout(rows, walls, True), layout(columns, walls, True)
    tabulate(position, 0, walls, harmonics_x, 1, trig, table_x)
    tabulate(position, 1, walls, harmonics_y, 1, trig, table_y)
    for p in range(LANES):
        weights[p] = -multiplier[LANES + p]
    for m in range(0, rows, TILE):
        spread(multiplier, 0, table_x, x, sums)
        deposit(sums, table_y, y + dy, psi_bar, m)
        spread(weights, 0, table_x, x + dx, sums)
        deposit(sums, table_y, y, psi_bar, m)
        x += TILE * LANES
