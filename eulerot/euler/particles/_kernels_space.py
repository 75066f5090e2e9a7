"""Numba loops for particles in space: the velocity of a vector potential, its gradient, and the transpose.

``A_i = S_j S_l alpha_i`` with the interpolants ``alpha`` and ``(i, j, l)`` cyclic; ``S`` is the sine in the box and one
on the torus, ``C`` its derivative and ``bend S`` its second. The velocity is ``curl A`` and a mean: component `i` of
the potential gives ``d_l A_i`` to component `j` and ``-d_j A_i`` to component `l`.
"""

from __future__ import annotations

import numpy as np

from eulerot._compiled import inlined
from eulerot.euler.particles._kernels_lanes import FUSE, LANES, ROWS, axis_rows, part, per_angle, tabulate
from eulerot.euler.particles._kernels_splines import deposit, first, second


@part
def table_size():
    """Return the length of the table of a block of particles."""
    return 3 * ROWS * LANES


@part
def workspace():
    """Return room for the interpolant's value and derivatives at a block of particles."""
    return np.empty(10 * LANES)


@part
def _tabulate(series, walls, position, table):
    for axis in range(3):
        tabulate(position, walls, axis, series.shape[1 + axis], table)


@part
def _start(series, i, x, y, z, p):
    """Return where the coefficients of component `i` of the potential begin for the cell of particle `p`."""
    return ((i * series.shape[1] + int(x[p])) * series.shape[2] + int(y[p])) * series.shape[3] + int(z[p])


@part
def _places(series, table):
    """Return the strides of a component's coefficients, the cells along each axis, and the places in them."""
    (_, _, a, x), (_, _, b, y), (_, _, c, z) = axis_rows(table, 0), axis_rows(table, 1), axis_rows(table, 2)
    return (series.shape[2] * series.shape[3], series.shape[3]), (a, b, c), (x, y, z)


@part
def _scales(series, walls):
    """Return the cells that an angle of one holds along each axis."""
    return per_angle(series.shape[1], walls), per_angle(series.shape[2], walls), per_angle(series.shape[3], walls)


@part
def _row(work, n):
    return work[n * LANES : (n + 1) * LANES]


@part
def _pair(work, i, j):
    """Return the row of the second derivative along two axes."""
    low, high = min(i, j), max(i, j)
    return _row(work, 4 + (low * (5 - low)) // 2 + high)


@part
def _evaluate(series, walls, i, table, work):
    """Fill rows of `work` with component `i` of the potential's interpolant, and its first derivatives by angles."""
    strides, (a, b, c), (x, y, z) = _places(series, table)
    h, k, l = _scales(series, walls)
    f, f_x, f_y, f_z = _row(work, 0), _row(work, 1), _row(work, 2), _row(work, 3)
    for p in range(LANES):
        g, g_x, g_y, g_z = first(series, _start(series, i, a, b, c, p), strides, (x[p], y[p], z[p]))
        f[p], f_x[p], f_y[p], f_z[p] = g, h * g_x, k * g_y, l * g_z


@part
def _evaluate_second(series, walls, i, table, work):
    """Do `_evaluate`, and fill the next six rows with the second derivatives."""
    strides, (a, b, c), (x, y, z) = _places(series, table)
    h, k, l = _scales(series, walls)
    f, f_x, f_y, f_z = _row(work, 0), _row(work, 1), _row(work, 2), _row(work, 3)
    f_xx, f_xy, f_xz = _row(work, 4), _row(work, 5), _row(work, 6)
    f_yy, f_yz, f_zz = _row(work, 7), _row(work, 8), _row(work, 9)
    for p in range(LANES):
        values = second(series, _start(series, i, a, b, c, p), strides, (x[p], y[p], z[p]))
        g, g_x, g_y, g_z, g_xx, g_xy, g_xz, g_yy, g_yz, g_zz = values
        f[p], f_x[p], f_y[p], f_z[p] = g, h * g_x, k * g_y, l * g_z
        f_xx[p], f_xy[p], f_xz[p] = h * h * g_xx, h * k * g_xy, h * l * g_xz
        f_yy[p], f_yz[p], f_zz[p] = k * k * g_yy, k * l * g_yz, l * l * g_zz


@part
def _set_drift(drift, out):
    for i in range(3):
        for p in range(LANES):
            out[i * LANES + p] = drift[i]


@part
def velocity(series, drift, walls, position, work, table, out):
    """Fill `out` with the velocity at the particles, and their `table`."""
    _tabulate(series, walls, position, table)
    _set_drift(drift, out)
    for i in range(3):
        j, l = (i + 1) % 3, (i + 2) % 3
        _evaluate(series, walls, i, table, work)
        (sj, cj, _, _), (sl, cl, _, _) = axis_rows(table, j), axis_rows(table, l)
        f, f_j, f_l, u_j, u_l = _row(work, 0), _row(work, 1 + j), _row(work, 1 + l), _row(out, j), _row(out, l)
        for p in range(LANES):
            u_j[p] += sj[p] * (cl[p] * f[p] + sl[p] * f_l[p])
            u_l[p] -= sl[p] * (cj[p] * f[p] + sj[p] * f_j[p])


@part
def gradient(series, drift, walls, position, work, table, out, gradient):
    """Fill `out` with the velocity, `gradient` with its nine derivatives, row by row, and the particles' `table`."""
    _tabulate(series, walls, position, table)
    _set_drift(drift, out)
    bend = -1.0 if walls else 0.0
    gradient[:] = 0.0
    for i in range(3):
        j, l = (i + 1) % 3, (i + 2) % 3
        _evaluate_second(series, walls, i, table, work)
        (sj, cj, _, _), (sl, cl, _, _) = axis_rows(table, j), axis_rows(table, l)
        f, f_i, f_j, f_l = _row(work, 0), _row(work, 1 + i), _row(work, 1 + j), _row(work, 1 + l)
        f_ij, f_il, f_jl, f_jj, f_ll = (
            _pair(work, i, j), _pair(work, i, l), _pair(work, j, l), _pair(work, j, j), _pair(work, l, l)
        )  # fmt: skip
        u_j, u_l, j_i, l_i = _row(out, j), _row(out, l), _row(gradient, 3 * j + i), _row(gradient, 3 * l + i)
        j_j, l_l, j_l, l_j = (
            _row(gradient, 3 * j + j), _row(gradient, 3 * l + l), _row(gradient, 3 * j + l), _row(gradient, 3 * l + j)
        )  # fmt: skip
        for p in range(LANES):
            along_l, along_j = cl[p] * f[p] + sl[p] * f_l[p], cj[p] * f[p] + sj[p] * f_j[p]
            u_j[p] += sj[p] * along_l
            u_l[p] -= sl[p] * along_j
            j_i[p] += sj[p] * (cl[p] * f_i[p] + sl[p] * f_il[p])
            l_i[p] -= sl[p] * (cj[p] * f_i[p] + sj[p] * f_ij[p])
            both = cj[p] * along_l + sj[p] * (cl[p] * f_j[p] + sl[p] * f_jl[p])
            j_j[p] += both
            l_l[p] -= both
            j_l[p] += sj[p] * (bend * sl[p] * f[p] + 2 * cl[p] * f_l[p] + sl[p] * f_ll[p])
            l_j[p] -= sl[p] * (bend * sj[p] * f[p] + 2 * cj[p] * f_j[p] + sj[p] * f_jj[p])


@inlined(fastmath={*FUSE, "reassoc"})
def _total(row):
    total = 0.0
    for p in range(LANES):
        total += row[p]
    return total


@part
def collect(multiplier, walls, table, work, series_bar, drift_bar):
    """Add the derivatives of ``sum_p mu . U_p`` by the interpolant and the mean to theirs, equation (10)."""
    strides, (a, b, c), (x, y, z) = _places(series_bar, table)
    amounts = work[: 4 * LANES]
    for i in range(3):
        j, l = (i + 1) % 3, (i + 2) % 3
        (sj, cj, _, _), (sl, cl, _, _) = axis_rows(table, j), axis_rows(table, l)
        mu_j, mu_l, drift_i = _row(multiplier, j), _row(multiplier, l), _total(_row(multiplier, i))
        drift_bar[i] += drift_i
        value, by_i, by_j, by_l = _row(work, 0), _row(work, 1 + i), _row(work, 1 + j), _row(work, 1 + l)
        to_j, to_l = per_angle(series_bar.shape[1 + j], walls), per_angle(series_bar.shape[1 + l], walls)
        for p in range(LANES):
            value[p] = mu_j[p] * sj[p] * cl[p] - mu_l[p] * sl[p] * cj[p]
            by_i[p], by_j[p], by_l[p] = 0.0, -mu_l[p] * sj[p] * sl[p] * to_j, mu_j[p] * sj[p] * sl[p] * to_l
        for p in range(LANES):
            four = amounts[p], amounts[LANES + p], amounts[2 * LANES + p], amounts[3 * LANES + p]
            deposit(series_bar, _start(series_bar, i, a, b, c, p), strides, (x[p], y[p], z[p]), four)  # type: ignore[call-arg]
