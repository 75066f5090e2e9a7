"""Numba loops for particles in the plane: velocity and gradient of two series, and the transpose.

``u = sum U_mn b_m(x) t_n(y)`` and ``v = sum V_mn t_m(x) b_n(y)``, with the turned functions ``t = b' / k``; in the box
``b_m = sin((m + 1) x)`` and ``t_m = cos((m + 1) x)``.
"""

from __future__ import annotations

import numpy as np

from eulerot.euler._kernels_basis import (
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
)  # fmt: skip


@part
def workspace(series, walls):
    """Return the arrays that `velocity`, `gradient` and `collect` work in.

    Tables, sines and cosines, sums, wavenumbers of both axes, and room for coefficients.
    """
    _, m, n = series.shape
    tables = np.empty(2 * m * LANES), np.empty(2 * n * LANES)
    first, second = np.empty(m), np.empty(n)
    for i in range(m):
        first[i] = wavenumber(i, walls, True, m)
    for i in range(n):
        second[i] = wavenumber(i, walls, True, n)
    return (*tables, np.empty(2 * LANES), np.empty(TILE * LANES), first, second, np.empty((m, n)))


@part
def _bases(position, walls, count, trig, table):
    """Tabulate the basis functions of a coordinate; return them, and turned."""
    rows, turned = table[: count * LANES], table[count * LANES :]
    sine_cosine(position, walls, trig)
    tabulate(trig, walls, True, count, rows, turned)
    return rows, turned


@part
def velocity(series, walls, position, work, out):
    """Fill `out` with the velocity at the particles."""
    sums = work[3]
    x, x_turned = _bases(position, walls, series.shape[1], work[2], work[0])
    y, y_turned = _bases(position[LANES:], walls, series.shape[2], work[2], work[1])
    u, v = out[:LANES], out[LANES:]
    out[:] = 0.0
    for m in range(0, series.shape[1], TILE):
        contract_and_weigh(series[0], m, y_turned, sums, x[m * LANES :], u)
        contract_and_weigh(series[1], m, y, sums, x_turned[m * LANES :], v)


@part
def gradient(series, walls, position, work, out, gradient):
    """Fill `out` with the velocity and `gradient` with ``u_x, u_y, v_x, v_y``."""
    sums, first, second, bent = work[3:]
    x, x_turned = _bases(position, walls, series.shape[1], work[2], work[0])
    y, y_turned = _bases(position[LANES:], walls, series.shape[2], work[2], work[1])
    for m in range(series.shape[1]):
        for n in range(series.shape[2]):
            bent[m, n] = -second[n] * series[0, m, n]  # t' = -k b
    u, v = out[:LANES], out[LANES:]
    u_x, u_y, v_x, v_y = gradient[:LANES], gradient[LANES:], gradient[2 * LANES :], gradient[3 * LANES :]
    out[:] = 0.0
    gradient[:] = 0.0
    for m in range(0, series.shape[1], TILE):
        o, k = m * LANES, first[m:]
        contract(series[0], m, y_turned, sums)
        weigh(sums, x[o:], u)
        weigh_slopes(sums, x_turned[o:], k, u_x)
        contract(bent, m, y, sums)
        weigh(sums, x[o:], u_y)
        contract(series[1], m, y, sums)
        weigh(sums, x_turned[o:], v)
        weigh_slopes(sums, x[o:], k, v_x)
    for p in range(LANES):
        v_x[p], v_y[p] = -v_x[p], -u_x[p]


@part
def collect(multiplier, position, walls, work, series_bar):
    """Add the derivatives of ``sum_p mu . U_p`` by both series to `series_bar`, the type-1 sums of equation (10)."""
    sums = work[3]
    x, x_turned = _bases(position, walls, series_bar.shape[1], work[2], work[0])
    y, y_turned = _bases(position[LANES:], walls, series_bar.shape[2], work[2], work[1])
    for m in range(0, series_bar.shape[1], TILE):
        spread(multiplier, x[m * LANES :], sums)
        deposit(sums, y_turned, series_bar[0], m)
        spread(multiplier[LANES:], x_turned[m * LANES :], sums)
        deposit(sums, y, series_bar[1], m)
