"""Numba loops for the velocity of a potential at a block of particles, its gradient, and the transpose.

In the plane ``u = (d_y psi, -d_x psi)`` of ``psi = S_x S_y chi``, in space ``u = curl A`` and a mean, of ``A_i = S_j S_l
alpha_i`` with ``(i, j, l)`` cyclic, where ``chi`` and ``alpha`` are interpolants by splines. ``S`` is the sine in the
box and one on the torus, ``C`` its derivative and ``bend S`` its second. So component `a` is ``S_a`` times a sum, and
all else about the factors is in the weights of the splines, see `eulerot.euler.particles._kernels_splines`.
"""

from __future__ import annotations

from eulerot._compiled import inlined
from eulerot.euler.particles._kernels_lanes import (
    FUSE,
    LANES,
    ROWS,
    aligned,
    axis_rows,
    part,
    per_angle,
    tabulate,
)
from eulerot.euler.particles._kernels_splines import (
    GROUP,
    ORDER,
    add_up,
    deposit,
    gradient_sums,
    velocity_sums,
    weigh_gradient,
    weigh_velocity,
)

# Of work arrays: the weights of a particle along an axis, for a velocity and its gradient, and the most sums of one
_FEW, _MANY, _SUMS = 2 * ORDER, 4 * ORDER, 11


@part
def _dim(series):
    if series.ndim == 2:
        return 2
    else:
        return 3


@part
def table_size(series):
    """Return the length of the table of a block of particles."""
    return _dim(series) * ROWS * LANES


@part
def workspace(series):
    """Return room for the weights and the sums of a group of particles, and the values of a block."""
    return aligned((_dim(series) * _MANY + _SUMS * ORDER) * GROUP), aligned(_SUMS * LANES)


@part
def _tabulate(series, walls, position, table):
    for axis in range(_dim(series)):
        tabulate(position, walls, axis, series.shape[series.ndim - _dim(series) + axis], table)


@part
def _scales(series, walls):
    """Return how many cells of the interpolant an angle of one holds along each axis."""
    if series.ndim == 2:
        return per_angle(series.shape[0], walls), per_angle(series.shape[1], walls)
    else:
        return (
            per_angle(series.shape[1], walls), per_angle(series.shape[2], walls), per_angle(series.shape[3], walls),
        )  # fmt: skip


@part
def _strides(series):
    """Return the strides of each component along all axes but the last in memory; see `memory_axes`."""
    if series.ndim == 2:
        return ((series.shape[1],),)
    else:
        n, m, o = series.shape[1:]
        return (n * o, o), (m * n, n), (o * m, m)


@part
def _starts(series, strides, table, p):
    """Return where the coefficients of each component begin for the cell of a particle."""
    a, b = int(axis_rows(table, 0)[3][p]), int(axis_rows(table, 1)[3][p])
    if series.ndim == 2:
        return (a * strides[0][0] + b,)
    else:
        c = int(axis_rows(table, 2)[3][p])
        size = series.shape[1] * series.shape[2] * series.shape[3]
        (of_b, of_a), (of_c, of_b_too), (of_a_too, of_c_too) = strides
        return (
            b * of_b + a * of_a + c, size + c * of_c + b * of_b_too + a, 2 * size + a * of_a_too + c * of_c_too + b,
        )  # fmt: skip


@part
def _row_of(series, table, row, p):
    """Return the numbers of a particle in one of the rows of each axis."""
    if series.ndim == 2:
        return axis_rows(table, 0)[row][p], axis_rows(table, 1)[row][p]
    else:
        return axis_rows(table, 0)[row][p], axis_rows(table, 1)[row][p], axis_rows(table, 2)[row][p]


def _evaluating(weigh, evaluate, size, count):
    """Return the function that fills `values` by one of the evaluations, of so many weights along an axis and sums."""

    @part
    def fill(series, walls, table, work, values):
        strides, scales, bend = _strides(series), _scales(series, walls), -1.0 if walls else 0.0
        dim = _dim(series)
        sums = work[dim * size * GROUP :]
        for start in range(0, LANES, GROUP):
            for p in range(GROUP):
                _weigh(weigh, series, table, bend, scales, work, dim * size * p, start + p)
            for p in range(GROUP):
                starts = _starts(series, strides, table, start + p)
                evaluate(work, dim * size * p, series, starts, strides, sums, ORDER * p)
            for n in range(count[dim - 2]):
                add_up(sums, n * GROUP * ORDER, values, n * LANES + start)  # type: ignore[call-arg]

    return fill


@part
def _weigh(weigh, series, table, bend, scales, weights, place, p):
    s, c = _row_of(series, table, 0, p), _row_of(series, table, 1, p)
    hs, t = _row_of(series, table, 2, p), _row_of(series, table, 4, p)
    if series.ndim == 2:
        weigh(weights, place, t, hs, c, (bend * s[0], bend * s[1]), scales)
    else:
        weigh(weights, place, t, hs, c, (bend * s[0], bend * s[1], bend * s[2]), scales)


_velocities = _evaluating(weigh_velocity, velocity_sums, _FEW, (2, 3))
_gradients = _evaluating(weigh_gradient, gradient_sums, _MANY, (5, 11))


@part
def _scale(values, table, axis, shift, out):
    factor = axis_rows(table, axis)[0]
    for p in range(LANES):
        out[p] = factor[p] * values[p] + shift


@part
def velocity_at(series, drift, walls, position, work, table, out):
    """Fill `out` with the velocity at the particles, and their `table`."""
    room, values = work
    _tabulate(series, walls, position, table)
    _velocities(series, walls, table, room, values)
    for a in range(_dim(series)):
        _scale(values[a * LANES :], table, a, drift[a], out[a * LANES :])


@part
def gradient_at(series, drift, walls, position, work, table, out, gradient):
    """Fill `out` with the velocity, `gradient` with its derivatives row by row, and the particles' `table`."""
    room, values = work
    dim = _dim(series)
    _tabulate(series, walls, position, table)
    _gradients(series, walls, table, room, values)
    for a in range(dim):
        _scale(values[a * LANES :], table, a, drift[a], out[a * LANES :])
    last = gradient[(dim * dim - 1) * LANES :]
    for p in range(LANES):
        last[p] = 0.0
    for n in range(dim * dim - 1):
        value, entry = values[(dim + n) * LANES :], gradient[n * LANES :]
        if n % (dim + 1) == 0:  # of the diagonal
            for p in range(LANES):
                entry[p] = value[p]
                last[p] -= value[p]
        else:
            _scale(value, table, n // dim, 0.0, entry)


@inlined(fastmath={*FUSE, "reassoc"})
def _total(row):
    total = 0.0
    for p in range(LANES):
        total += row[p]
    return total


@part
def _amounts(series, multiplier, table, p):
    s = _row_of(series, table, 0, p)
    if series.ndim == 2:
        return s[0] * multiplier[p], s[1] * multiplier[LANES + p]
    else:
        return s[0] * multiplier[p], s[1] * multiplier[LANES + p], s[2] * multiplier[2 * LANES + p]


@part
def collect(multiplier, walls, table, work, series_bar, drift_bar):
    """Add the derivatives of ``sum_p mu . U_p`` by the interpolant and the mean to theirs, equation (10)."""
    strides, scales, dim = _strides(series_bar), _scales(series_bar, walls), _dim(series_bar)
    room, _ = work
    if series_bar.ndim == 4:
        for a in range(3):
            drift_bar[a] += _total(multiplier[a * LANES : (a + 1) * LANES])
    for start in range(0, LANES, GROUP):
        for p in range(GROUP):
            _weigh(weigh_velocity, series_bar, table, 0.0, scales, room, dim * _FEW * p, start + p)
        for p in range(GROUP):
            starts = _starts(series_bar, strides, table, start + p)
            amounts = _amounts(series_bar, multiplier, table, start + p)
            deposit(room, dim * _FEW * p, series_bar, starts, strides, amounts)  # type: ignore[call-arg]
