"""Numba loops for particles in the plane: velocity and gradient of a stream function, and the transpose.

``u = sum Psi_mn b_m(x) b'_n(y)`` and ``v = -sum Psi_mn b'_m(x) b_n(y)``; in the box ``b_m = sin((m + 1) x)``.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from eulerot.euler._kernels_basis import (
    FUSE,
    LANES,
    TILE,
    TRIG,
    contract,
    deposit,
    sine_cosine,
    spread,
    tabulate,
    tabulate_bends,
    weigh,
)  # fmt: skip


@njit
def workspace(psi, walls):
    """Return the arrays that `evaluate` and `collect` work in: tables, sines and cosines, sums, weights."""
    tables = np.empty(3 * psi.shape[0] * LANES), np.empty(3 * psi.shape[1] * LANES)
    return (*tables, np.empty(TRIG), np.empty(TILE * LANES), np.empty(LANES))


@njit(fastmath=FUSE)
def _bases(position, walls, count, bends, trig, table):
    """Tabulate the basis functions of a coordinate; return them, their first and their second derivatives."""
    size = count * LANES
    rows, slopes, seconds = table[:size], table[size : 2 * size], table[2 * size :]
    sine_cosine(position, walls, trig)
    tabulate(trig, walls, True, count, rows, slopes)
    if bends:
        tabulate_bends(walls, count, rows, seconds)
    return rows, slopes, seconds


@njit(fastmath=FUSE)
def evaluate(psi, walls, position, full, work, velocity, gradient):
    """Fill `velocity`; if `full`, also `gradient` with ``u_x, u_y, v_x, v_y``."""
    sums = work[3]
    x, dx, ddx = _bases(position, walls, psi.shape[0], full, work[2], work[0])
    y, dy, ddy = _bases(position[LANES:], walls, psi.shape[1], full, work[2], work[1])
    u, v = velocity[:LANES], velocity[LANES:]
    u_x, u_y, v_x, v_y = gradient[:LANES], gradient[LANES:], gradient[2 * LANES :], gradient[3 * LANES :]
    velocity[:] = 0.0
    if full:
        gradient[:] = 0.0
    for m in range(0, psi.shape[0], TILE):
        o = m * LANES
        contract(psi, m, y, sums)
        weigh(sums, dx[o:], v)
        if full:
            weigh(sums, ddx[o:], v_x)
        contract(psi, m, dy, sums)
        weigh(sums, x[o:], u)
        if full:
            weigh(sums, dx[o:], u_x)
            contract(psi, m, ddy, sums)
            weigh(sums, x[o:], u_y)
    for p in range(LANES):
        v[p] = -v[p]
    if full:
        for p in range(LANES):
            v_x[p], v_y[p] = -v_x[p], -u_x[p]


@njit(fastmath=FUSE)
def collect(multiplier, position, walls, work, psi_bar):
    """Add ``sum_p mu . dU/dPsi_mn`` to `psi_bar`, the type-1 sum of equation (10)."""
    sums, weights = work[3], work[4]
    x, dx, _ = _bases(position, walls, psi_bar.shape[0], False, work[2], work[0])
    y, dy, _ = _bases(position[LANES:], walls, psi_bar.shape[1], False, work[2], work[1])
    for p in range(LANES):
        weights[p] = -multiplier[LANES + p]
    for m in range(0, psi_bar.shape[0], TILE):
        o = m * LANES
        spread(multiplier, x[o:], sums)
        deposit(sums, dy, psi_bar, m)
        spread(weights, dx[o:], sums)
        deposit(sums, y, psi_bar, m)
