"""Numba loops for particles in the plane: velocity and gradient of two series, and the transpose.

``u = sum U_mn b_m(x) t_n(y)`` and ``v = sum V_mn t_m(x) b_n(y)``, with the quarter functions ``t = b' / k``; in the
box ``b_m = sin((m + 1) x)`` and ``t_m = cos((m + 1) x)``.
"""

from __future__ import annotations

import numpy as np

from eulerot.euler.particles._kernels_basis import (
    LANES,
    TILE,
    contract,
    contract_and_weigh,
    deposit,
    part,
    sine_cosine,
    spread,
    tabulate,
    wavenumber,
    weigh,
    weigh_slopes,
)


@part
def table_size(series):
    """Return the length of the table of a block of particles."""
    return 2 * (series.shape[1] + series.shape[2]) * LANES


@part
def workspace(series, walls):
    """Return the arrays to work in: sines and cosines, sums, wavenumbers of both axes, room for coefficients."""
    _, m, n = series.shape
    first, second = np.empty(m), np.empty(n)
    for i in range(m):
        first[i] = wavenumber(i, walls, True, m)
    for i in range(n):
        second[i] = wavenumber(i, walls, True, n)
    return np.empty(2 * LANES), np.empty(TILE * LANES), first, second, np.empty((m, n))


@part
def _bases(series, table):
    """Return the basis functions of the first coordinate, their quarter functions, and both of the second."""
    m, n = series.shape[1] * LANES, series.shape[2] * LANES
    return table[:m], table[m : 2 * m], table[2 * m : 2 * m + n], table[2 * m + n :]


@part
def _tabulate_all(series, walls, position, trig, table):
    """Fill the table of a block of particles."""
    x, x_quarter, y, y_quarter = _bases(series, table)
    sine_cosine(position, walls, trig)
    tabulate(trig, walls, True, series.shape[1], x, x_quarter)
    sine_cosine(position[LANES:], walls, trig)
    tabulate(trig, walls, True, series.shape[2], y, y_quarter)


@part
def velocity(series, walls, position, work, table, out):
    """Fill `out` with the velocity at the particles, and their `table`."""
    sums = work[1]
    _tabulate_all(series, walls, position, work[0], table)
    x, x_quarter, y, y_quarter = _bases(series, table)
    u, v = out[:LANES], out[LANES:]
    out[:] = 0.0
    for m in range(0, series.shape[1], TILE):
        contract_and_weigh(series[0], m, y_quarter, sums, x[m * LANES :], u)
        contract_and_weigh(series[1], m, y, sums, x_quarter[m * LANES :], v)


@part
def gradient(series, walls, position, work, table, out, gradient):
    """Fill `out` with the velocity, `gradient` with ``u_x, u_y, v_x, v_y``, and the particles' `table`."""
    sums, first, second, bent = work[1:]
    _tabulate_all(series, walls, position, work[0], table)
    x, x_quarter, y, y_quarter = _bases(series, table)
    for m in range(series.shape[1]):
        for n in range(series.shape[2]):
            bent[m, n] = -second[n] * series[0, m, n]  # t' = -k b
    u, v = out[:LANES], out[LANES:]
    u_x, u_y, v_x, v_y = gradient[:LANES], gradient[LANES:], gradient[2 * LANES :], gradient[3 * LANES :]
    out[:] = 0.0
    gradient[:] = 0.0
    for m in range(0, series.shape[1], TILE):
        o, k = m * LANES, first[m:]
        contract(series[0], m, y_quarter, sums)
        weigh(sums, x[o:], u)
        weigh_slopes(sums, x_quarter[o:], k, u_x)
        contract(bent, m, y, sums)
        weigh(sums, x[o:], u_y)
        contract(series[1], m, y, sums)
        weigh(sums, x_quarter[o:], v)
        weigh_slopes(sums, x[o:], k, v_x)
    for p in range(LANES):
        v_x[p], v_y[p] = -v_x[p], -u_x[p]


@part
def collect(multiplier, walls, table, work, series_bar):
    """Add the derivatives of ``sum_p mu . U_p`` by both series to `series_bar`, the type-1 sums of equation (10)."""
    sums = work[1]
    x, x_quarter, y, y_quarter = _bases(series_bar, table)
    for m in range(0, series_bar.shape[1], TILE):
        spread(multiplier, x[m * LANES :], sums)
        deposit(sums, y_quarter, series_bar[0], m)
        spread(multiplier[LANES:], x_quarter[m * LANES :], sums)
        deposit(sums, y, series_bar[1], m)
