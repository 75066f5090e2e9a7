"""Numba loops for particles in space: the velocity of a vector potential, its gradient, and the transpose.

``A_i = S_j S_l alpha_i`` with the interpolants ``alpha`` and ``(i, j, l)`` cyclic; ``S`` is the sine in the box and one
on the torus, ``C`` its derivative and ``bend S`` its second. The velocity is ``curl A`` and a mean: component `i` of
the potential gives ``d_l A_i`` to component `j` and ``-d_j A_i`` to component `l`.
"""

from __future__ import annotations

from eulerot._compiled import inlined
from eulerot.euler.particles._kernels_lanes import (
    FUSE,
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
    return 3 * ROWS * LANES


@part
def workspace():
    """Return room for the interpolants' values and derivatives at a block of particles."""
    return aligned(27 * LANES + 3 * SHARE * GROUP)


@part
def _tabulate(series, walls, position, table):
    for axis in range(3):
        tabulate(position, walls, axis, series.shape[1 + axis], table)


@part
def _strides(series):
    """Return the strides of each component along all axes but the last in memory; see `memory_axes`."""
    n, m, o = series.shape[1:]
    return (n * o, o), (m * n, n), (o * m, m)


@part
def _starts(strides, series, a, b, c):
    """Return where the coefficients of each component begin for a cell."""
    size = series.shape[1] * series.shape[2] * series.shape[3]
    (of_b, of_a), (of_c, of_b_too), (of_a_too, of_c_too) = strides
    return (
        int(b) * of_b + int(a) * of_a + int(c),
        size + int(c) * of_c + int(b) * of_b_too + int(a),
        2 * size + int(a) * of_a_too + int(c) * of_c_too + int(b),
    )


@part
def _row(work, n):
    return work[n * LANES : (n + 1) * LANES]


def _filling(weigh, evaluate, count):
    """Return the function that fills so many rows of `work` by one of the evaluations, see `derivatives`."""

    @part
    def fill(series, table, work):
        strides = _strides(series)
        (_, _, a, x), (_, _, b, y), (_, _, c, z) = axis_rows(table, 0), axis_rows(table, 1), axis_rows(table, 2)
        weights = work[27 * LANES :]
        for start in range(0, LANES, GROUP):
            for p in range(start, start + GROUP):
                weigh(weights, 3 * SHARE * (p - start), (x[p], y[p], z[p]))
            for p in range(start, start + GROUP):
                starts = _starts(strides, series, a[p], b[p], c[p])
                values = evaluate(weights, 3 * SHARE * (p - start), series, starts, strides)
                for n in range(count):
                    work[n * LANES + p] = values[n]

    return fill


# Three rows for each component of the potential, and nine
_evaluate, _evaluate_second = _filling(weigh_first, first, 9), _filling(weigh_second, second, 27)


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
    _evaluate(series, table, work)
    for i in range(3):
        j, l = (i + 1) % 3, (i + 2) % 3
        (sj, cj, _, _), (sl, cl, _, _) = axis_rows(table, j), axis_rows(table, l)
        h, k = per_angle(series.shape[1 + j], walls), per_angle(series.shape[1 + l], walls)
        f, f_j, f_l = _row(work, 3 * i), _row(work, 3 * i + 1), _row(work, 3 * i + 2)
        u_j, u_l = _row(out, j), _row(out, l)
        for p in range(LANES):
            u_j[p] += sj[p] * (cl[p] * f[p] + sl[p] * k * f_l[p])
            u_l[p] -= sl[p] * (cj[p] * f[p] + sj[p] * h * f_j[p])


@part
def gradient(series, drift, walls, position, work, table, out, gradient):
    """Fill `out` with the velocity, `gradient` with its nine derivatives, row by row, and the particles' `table`."""
    _tabulate(series, walls, position, table)
    _set_drift(drift, out)
    _evaluate_second(series, table, work)
    bend = -1.0 if walls else 0.0
    gradient[:] = 0.0
    for i in range(3):
        j, l = (i + 1) % 3, (i + 2) % 3
        (sj, cj, _, _), (sl, cl, _, _) = axis_rows(table, j), axis_rows(table, l)
        g, h, k = (
            per_angle(series.shape[1 + i], walls), per_angle(series.shape[1 + j], walls),
            per_angle(series.shape[1 + l], walls),
        )  # fmt: skip
        here = work[9 * i * LANES :]
        f, f_j, f_l, f_i = _row(here, 0), _row(here, 1), _row(here, 2), _row(here, 3)
        f_ij, f_il, f_jl, f_jj, f_ll = _row(here, 4), _row(here, 5), _row(here, 6), _row(here, 7), _row(here, 8)
        u_j, u_l, j_i, l_i = _row(out, j), _row(out, l), _row(gradient, 3 * j + i), _row(gradient, 3 * l + i)
        j_j, l_l, j_l, l_j = (
            _row(gradient, 3 * j + j), _row(gradient, 3 * l + l), _row(gradient, 3 * j + l), _row(gradient, 3 * l + j)
        )  # fmt: skip
        for p in range(LANES):
            by_j, by_l = h * f_j[p], k * f_l[p]
            along_l, along_j = cl[p] * f[p] + sl[p] * by_l, cj[p] * f[p] + sj[p] * by_j
            u_j[p] += sj[p] * along_l
            u_l[p] -= sl[p] * along_j
            j_i[p] += g * sj[p] * (cl[p] * f_i[p] + sl[p] * k * f_il[p])
            l_i[p] -= g * sl[p] * (cj[p] * f_i[p] + sj[p] * h * f_ij[p])
            both = cj[p] * along_l + sj[p] * (cl[p] * by_j + sl[p] * h * k * f_jl[p])
            j_j[p] += both
            l_l[p] -= both
            j_l[p] += sj[p] * (bend * sl[p] * f[p] + 2 * cl[p] * by_l + sl[p] * k * k * f_ll[p])
            l_j[p] -= sl[p] * (bend * sj[p] * f[p] + 2 * cj[p] * by_j + sj[p] * h * h * f_jj[p])


@inlined(fastmath={*FUSE, "reassoc"})
def _total(row):
    total = 0.0
    for p in range(LANES):
        total += row[p]
    return total


@part
def collect(multiplier, walls, table, work, series_bar, drift_bar):
    """Add the derivatives of ``sum_p mu . U_p`` by the interpolant and the mean to theirs, equation (10)."""
    for i in range(3):
        j, l = (i + 1) % 3, (i + 2) % 3
        (sj, cj, _, _), (sl, cl, _, _) = axis_rows(table, j), axis_rows(table, l)
        mu_j, mu_l, drift_i = _row(multiplier, j), _row(multiplier, l), _total(_row(multiplier, i))
        drift_bar[i] += drift_i
        value, by_j, by_l = _row(work, 3 * i), _row(work, 3 * i + 1), _row(work, 3 * i + 2)
        to_j, to_l = per_angle(series_bar.shape[1 + j], walls), per_angle(series_bar.shape[1 + l], walls)
        for p in range(LANES):
            value[p] = mu_j[p] * sj[p] * cl[p] - mu_l[p] * sl[p] * cj[p]
            by_j[p], by_l[p] = -mu_l[p] * sj[p] * sl[p] * to_j, mu_j[p] * sj[p] * sl[p] * to_l
    strides = _strides(series_bar)
    (_, _, a, x), (_, _, b, y), (_, _, c, z) = axis_rows(table, 0), axis_rows(table, 1), axis_rows(table, 2)
    weights = work[27 * LANES :]
    for start in range(0, LANES, GROUP):
        for p in range(start, start + GROUP):
            weigh_first(weights, 3 * SHARE * (p - start), (x[p], y[p], z[p]))
        for p in range(start, start + GROUP):
            amounts = (
                work[p], work[LANES + p], work[2 * LANES + p], work[3 * LANES + p], work[4 * LANES + p],
                work[5 * LANES + p], work[6 * LANES + p], work[7 * LANES + p], work[8 * LANES + p],
            )  # fmt: skip
            starts = _starts(strides, series_bar, a[p], b[p], c[p])
            deposit(weights, 3 * SHARE * (p - start), series_bar, starts, strides, amounts)  # type: ignore[call-arg]
