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
    basis_rows,
    contract,
    deposit,
    spread,
    table_size,
    tabulate,
    weigh,
)  # fmt: skip


@njit
def workspace(psi, walls):
    """Return the arrays that `evaluate` and `collect` work in: tables, sines and cosines, sums, weights."""
    tables = np.empty(table_size(psi.shape[0], walls, 2)), np.empty(table_size(psi.shape[1], walls, 2))
    return (*tables, np.empty(TRIG), np.empty(TILE * LANES), np.empty(LANES))


@njit(fastmath=FUSE)
def _bases(psi, walls, position, derivatives, work):
    """Tabulate the basis functions of both coordinates; return them with their first and second derivatives."""
    rows, columns = psi.shape
    tabulate(position, walls, rows, derivatives, work[2], work[0])
    tabulate(position[LANES:], walls, columns, derivatives, work[2], work[1])
    return (
        (basis_rows(work[0], rows, walls, True, 0), basis_rows(work[1], columns, walls, True, 0)),
        (basis_rows(work[0], rows, walls, True, 1), basis_rows(work[1], columns, walls, True, 1)),
        (basis_rows(work[0], rows, walls, True, 2), basis_rows(work[1], columns, walls, True, 2)),
    )


@njit(fastmath=FUSE)
def evaluate(psi, walls, position, full, work, velocity, gradient):
    """Fill `velocity`; if `full`, also `gradient` with ``u_x, u_y, v_x, v_y``."""
    sums = work[3]
    (x, y), (dx, dy), (ddx, ddy) = _bases(psi, walls, position, 2 if full else 1, work)
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
    (x, y), (dx, dy), _ = _bases(psi_bar, walls, position, 1, work)
    for p in range(LANES):
        weights[p] = -multiplier[LANES + p]
    for m in range(0, psi_bar.shape[0], TILE):
        o = m * LANES
        spread(multiplier, x[o:], sums)
        deposit(sums, dy, psi_bar, m)
        spread(weights, dx[o:], sums)
        deposit(sums, y, psi_bar, m)
