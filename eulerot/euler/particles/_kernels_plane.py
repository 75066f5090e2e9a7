"""Numba loops for particles in the plane: the velocity of a stream function, its gradient, and the transpose.

``psi = S_x S_y chi`` with the interpolant ``chi``; ``S`` is the sine in the box and one on the torus, ``C`` its
derivative and ``bend S`` its second. The velocity is ``(psi_y, -psi_x)``.
"""

from __future__ import annotations

from eulerot.euler.particles._kernels_lanes import (
    GROUP,
    LANES,
    ROWS,
    SHARE,
    aligned,
    axis_rows,
    part,
    per_angle,
    tabulate,
)
from eulerot.euler.particles._kernels_splines import deposit, first, second, weigh_first, weigh_second


@part
def table_size():
    """Return the length of the table of a block of particles."""
    return 2 * ROWS * LANES


@part
def workspace():
    """Return room for the interpolant's value and derivatives at a block of particles."""
    return aligned(6 * LANES + 2 * SHARE * GROUP)


@part
def _tabulate(series, walls, position, table):
    for axis in range(2):
        tabulate(position, walls, axis, series.shape[axis], table)


@part
def velocity(series, drift, walls, position, work, table, out):
    """Fill `out` with the velocity at the particles, and their `table`."""
    _tabulate(series, walls, position, table)
    n, h, k = series.shape[1], per_angle(series.shape[0], walls), per_angle(series.shape[1], walls)
    sx, cx, i, x = axis_rows(table, 0)
    sy, cy, j, y = axis_rows(table, 1)
    f, f_x, f_y = work[:LANES], work[LANES : 2 * LANES], work[2 * LANES : 3 * LANES]
    weights = work[6 * LANES :]
    for start in range(0, LANES, GROUP):
        for p in range(start, start + GROUP):
            weigh_first(weights, 2 * SHARE * (p - start), (x[p], y[p]))
        for p in range(start, start + GROUP):
            here = (int(i[p]) * n + int(j[p]),)
            f[p], f_x[p], f_y[p] = first(weights, 2 * SHARE * (p - start), series, here, ((n,),))
    u, v = out[:LANES], out[LANES:]
    for p in range(LANES):
        u[p] = sx[p] * (cy[p] * f[p] + sy[p] * k * f_y[p])
        v[p] = -sy[p] * (cx[p] * f[p] + sx[p] * h * f_x[p])


@part
def gradient(series, drift, walls, position, work, table, out, gradient):
    """Fill `out` with the velocity, `gradient` with ``u_x, u_y, v_x, v_y``, and the particles' `table`."""
    _tabulate(series, walls, position, table)
    n, h, k = series.shape[1], per_angle(series.shape[0], walls), per_angle(series.shape[1], walls)
    bend = -1.0 if walls else 0.0
    sx, cx, i, x = axis_rows(table, 0)
    sy, cy, j, y = axis_rows(table, 1)
    f, f_x, f_y = work[:LANES], work[LANES : 2 * LANES], work[2 * LANES : 3 * LANES]
    f_xx, f_xy, f_yy = work[3 * LANES : 4 * LANES], work[4 * LANES : 5 * LANES], work[5 * LANES : 6 * LANES]
    weights = work[6 * LANES :]
    for start in range(0, LANES, GROUP):
        for p in range(start, start + GROUP):
            weigh_second(weights, 2 * SHARE * (p - start), (x[p], y[p]))
        for p in range(start, start + GROUP):
            here = (int(i[p]) * n + int(j[p]),)
            values = second(weights, 2 * SHARE * (p - start), series, here, ((n,),))
            f[p], f_x[p], f_y[p], f_xx[p], f_xy[p], f_yy[p] = values
    u, v = out[:LANES], out[LANES:]
    u_x, u_y, v_x, v_y = gradient[:LANES], gradient[LANES:], gradient[2 * LANES :], gradient[3 * LANES :]
    for p in range(LANES):
        g_x, g_y = h * f_x[p], k * f_y[p]
        u[p] = sx[p] * (cy[p] * f[p] + sy[p] * g_y)
        v[p] = -sy[p] * (cx[p] * f[p] + sx[p] * g_x)
        u_x[p] = cx[p] * (cy[p] * f[p] + sy[p] * g_y) + sx[p] * (cy[p] * g_x + sy[p] * h * k * f_xy[p])
        u_y[p] = sx[p] * (bend * sy[p] * f[p] + 2 * cy[p] * g_y + sy[p] * k * k * f_yy[p])
        v_x[p] = -sy[p] * (bend * sx[p] * f[p] + 2 * cx[p] * g_x + sx[p] * h * h * f_xx[p])
        v_y[p] = -u_x[p]


@part
def collect(multiplier, walls, table, work, series_bar, drift_bar):
    """Add the derivatives of ``sum_p mu . U_p`` by the interpolant's coefficients to `series_bar`, equation (10)."""
    n, h, k = series_bar.shape[1], per_angle(series_bar.shape[0], walls), per_angle(series_bar.shape[1], walls)
    sx, cx, i, x = axis_rows(table, 0)
    sy, cy, j, y = axis_rows(table, 1)
    mu, nu = multiplier[:LANES], multiplier[LANES:]
    weights = work[6 * LANES :]
    for start in range(0, LANES, GROUP):
        for p in range(start, start + GROUP):
            weigh_first(weights, 2 * SHARE * (p - start), (x[p], y[p]))
        for p in range(start, start + GROUP):
            value, both = mu[p] * sx[p] * cy[p] - nu[p] * sy[p] * cx[p], sx[p] * sy[p]
            amounts, here = (value, -nu[p] * both * h, mu[p] * both * k), (int(i[p]) * n + int(j[p]),)
            deposit(weights, 2 * SHARE * (p - start), series_bar, here, ((n,),), amounts)  # type: ignore[call-arg]
