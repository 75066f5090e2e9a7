"""Numba loops for particles in space: a velocity of three series and its gradient, and the transpose.

``u_i = sum U_imno b_m(x) b_n(y) b_o(z)``: in the box component i has ``sin((m + 1) x)`` along its own axis, and
``cos(m x)`` along the others.
"""

from __future__ import annotations

import numpy as np

from eulerot.euler.particles._kernels_basis import (
    LANES,
    TILE,
    contract,
    deposit,
    part,
    sine_cosine,
    spread,
    tabulate,
    wavenumber,
    weigh,
)


@part
def table_size(series):
    """Return the length of the table of a block of particles."""
    return 4 * (series.shape[1] + series.shape[2] + series.shape[3]) * LANES


@part
def workspace(series, walls):
    """Return the arrays to work in: sines and cosines, sums, sums of those."""
    return np.empty(2 * LANES), np.empty(TILE * LANES), np.empty(3 * LANES)


@part
def _family(trig, walls, sines, count, rows, slopes):
    """Fill `rows` with the basis functions and `slopes` with their derivatives."""
    tabulate(trig, walls, sines, count, rows, slopes)
    for n in range(count):
        k, row = wavenumber(n, walls, sines, count), slopes[n * LANES :]
        for p in range(LANES):
            row[p] *= k


@part
def _tabulate_all(series, walls, position, trig, table):
    """Fill the table of each axis: sines, their derivatives, cosines, their derivatives; on the torus the first two."""
    for axis in range(3):
        count = series.shape[1 + axis]
        size = count * LANES
        sine_cosine(position[axis * LANES :], walls, trig)
        _family(trig, walls, True, count, table, table[size:])
        if walls:
            _family(trig, walls, False, count, table[2 * size :], table[3 * size :])
        table = table[4 * size :]


@part
def _bases(series, walls, i, derivative, table):
    """Return the basis functions of component `i` along the three axes, or their derivatives."""
    m, n, o = series.shape[1] * LANES, series.shape[2] * LANES, series.shape[3] * LANES
    return (
        table[(2 * (walls and i != 0) + derivative) * m :],
        table[4 * m + (2 * (walls and i != 1) + derivative) * n :],
        table[4 * (m + n) + (2 * (walls and i != 2) + derivative) * o :],
    )


@part
def _add_product(sums, basis, out):
    for p in range(LANES):
        out[p] += sums[p] * basis[p]


@part
def velocity(series, walls, position, work, table, out):
    """Fill `out` with the velocity at the particles, and their `table`."""
    sums, inner = work[1:]
    _tabulate_all(series, walls, position, work[0], table)
    out[:] = 0.0
    for i in range(3):
        x, y, z = _bases(series, walls, i, 0, table)
        for m in range(series.shape[1]):
            inner[:] = 0.0
            for n in range(0, series.shape[2], TILE):
                contract(series[i, m], n, z, sums)
                weigh(sums, y[n * LANES :], inner)
            _add_product(inner, x[m * LANES :], out[i * LANES :])


@part
def gradient(series, walls, position, work, table, out, gradient):
    """Fill `out` with the velocity, `gradient` with its nine derivatives, row by row, and the particles' `table`."""
    sums, inner = work[1:]
    inner_y, inner_z = inner[LANES:], inner[2 * LANES :]
    _tabulate_all(series, walls, position, work[0], table)
    out[:] = 0.0
    gradient[:] = 0.0
    for i in range(3):
        (x, y, z), (dx, dy, dz) = _bases(series, walls, i, 0, table), _bases(series, walls, i, 1, table)
        row = gradient[3 * i * LANES :]
        for m in range(series.shape[1]):
            coefs = series[i, m]
            inner[:] = 0.0
            for n in range(0, series.shape[2], TILE):
                contract(coefs, n, z, sums)
                weigh(sums, y[n * LANES :], inner)
                weigh(sums, dy[n * LANES :], inner_y)
                contract(coefs, n, dz, sums)
                weigh(sums, y[n * LANES :], inner_z)
            _add_product(inner, x[m * LANES :], out[i * LANES :])
            _add_product(inner, dx[m * LANES :], row)
            _add_product(inner_y, x[m * LANES :], row[LANES:])
            _add_product(inner_z, x[m * LANES :], row[2 * LANES :])


@part
def collect(multiplier, walls, table, work, series_bar):
    """Add ``sum_p mu . dU/dU_imno`` to `series_bar`, the type-1 sum of equation (10)."""
    sums, weights = work[1:]
    for i in range(3):
        x, y, z = _bases(series_bar, walls, i, 0, table)
        for m in range(series_bar.shape[1]):
            weights[:] = 0.0
            _add_product(multiplier[i * LANES :], x[m * LANES :], weights)
            for n in range(0, series_bar.shape[2], TILE):
                spread(weights, y[n * LANES :], sums)
                deposit(sums, z, series_bar[i, m], n)
