"""Numba loops for the velocity of a potential at a block of particles, its gradient, and the transpose.

The potential is that of `eulerot.euler.particles._kernels_terms`, each component an interpolant by splines times the
factors ``S`` of its axes: ``S`` is the sine in the box and one on the torus, ``C`` its derivative and ``bend S`` its
second. So component `a` of the velocity is ``S_a`` times a sum, in which all else about the factors is in the weights.
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
from eulerot.euler.particles._kernels_potential import (
    add_up,
    deposit,
    gradient_sums,
    velocity_sums,
    weigh_gradient,
    weigh_velocity,
)
from eulerot.euler.particles._kernels_splines import GROUP, ORDER

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
def _shape(series):
    """Return the numbers of coefficients along the axes; in space the last of the array is of all components."""
    if series.ndim == 2:
        return series.shape
    else:
        return series.shape[0], series.shape[1], (series.shape[2] - 1) // 2


@part
def _tabulate(series, walls, position, table):
    for axis in range(_dim(series)):
        tabulate(position, walls, axis, _shape(series)[axis], table)


@part
def _scales(series, walls):
    """Return how many cells of the interpolant an angle of one holds along each axis."""
    if series.ndim == 2:
        m, n = series.shape
        return per_angle(m, walls), per_angle(n, walls)
    else:
        m, n, o = _shape(series)
        return per_angle(m, walls), per_angle(n, walls), per_angle(o, walls)


@part
def _strides(series):
    """Return the strides of each component along all axes but the last in memory; see AXES."""
    if series.ndim == 2:
        return ((series.shape[1],),)
    else:
        m, n, o = _shape(series)
        return (m * o, o), (n * o, o), (n,)


@part
def _starts(series, table, p):
    """Return where the coefficients of each component begin for the cell of a particle."""
    a, b = int(axis_rows(table, 0)[3][p]), int(axis_rows(table, 1)[3][p])
    if series.ndim == 2:
        return (a * series.shape[1] + b,)
    else:
        c, (m, n, o) = int(axis_rows(table, 2)[3][p]), _shape(series)
        return (b * m + a) * o + c, ((m + a) * n + b) * o + c, (2 * m * o + a) * n + b


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
                starts = _starts(series, table, start + p)
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
    if series_bar.ndim == 3:
        for a in range(3):
            drift_bar[a] += _total(multiplier[a * LANES : (a + 1) * LANES])
    for start in range(0, LANES, GROUP):
        for p in range(GROUP):
            _weigh(weigh_velocity, series_bar, table, 0.0, scales, room, dim * _FEW * p, start + p)
        for p in range(GROUP):
            starts = _starts(series_bar, table, start + p)
            amounts = _amounts(series_bar, multiplier, table, start + p)
            deposit(room, dim * _FEW * p, series_bar, starts, strides, amounts)  # type: ignore[call-arg]
