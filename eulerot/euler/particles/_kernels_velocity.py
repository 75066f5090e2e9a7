"""Numba loops for the velocity of a potential at a block of particles, its gradient, and the transpose.

The potential is that of `eulerot.euler.particles._kernels_terms`, each component an interpolant by splines times the
factors ``S`` of its axes: ``S`` is the sine in the box and one on the torus, ``C`` its derivative and ``bend S`` its
second. So component `a` of the velocity is ``S_a`` times a sum, in which all else about the factors is in the weights.
"""

from __future__ import annotations

import numpy as np

from eulerot._compiled import inlined
from eulerot.euler.particles._kernels_lanes import (
    FUSE,
    LANES,
    ROWS,
    aligned,
    part,
    per_angle,
    tabulate,
)
from eulerot.euler.particles._kernels_potential import (
    add_up,
    deposit,
    gradient_sums,
    prefetch,
    velocity_sums,
    weigh_gradient,
    weigh_velocity,
)
from eulerot.euler.particles._kernels_splines import GROUP, ORDER
from eulerot.euler.particles._kernels_terms import gradient_terms, velocity_terms

# Of work arrays: the weights of a particle along an axis, for a velocity and its gradient, and the most sums of one
_FEW, _MANY, _SUMS = 2 * ORDER, 4 * ORDER, len(gradient_terms(3))


@part
def _dim(series):
    if series.ndim == 2:
        return 2
    else:
        return 3


@part
def workspace(series):
    """Return room for the weights and the sums of a group of particles, and the values of a block."""
    return aligned((_dim(series) * _MANY + _SUMS * ORDER) * GROUP), np.empty((_SUMS, LANES))


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
def _starts(series):
    """Return where the coefficients of each component begin."""
    if series.ndim == 2:
        return (0,)
    else:
        m, n, o = _shape(series)
        return 0, m * n * o, 2 * m * n * o


def _evaluating(weigh, evaluate, size, terms):
    """Return the function that fills `values` by one of the evaluations, of so many weights along an axis."""
    in_plane, in_space = len(terms(2)), len(terms(3))

    @part
    def fill(series, walls, table, work, values):
        starts, strides, scales = _starts(series), _strides(series), _scales(series, walls)
        bend = -1.0 if walls else 0.0
        share = _dim(series) * size
        sums = share * GROUP  # where they begin
        for start in range(0, LANES, GROUP):
            for p in range(start, start + GROUP):
                weigh(work, share * (p - start), table, p, bend, scales)
            for p in range(start, start + GROUP):
                evaluate(work, share * (p - start), table, p, series, starts, strides, work, sums + ORDER * (p - start))
            for n in range(in_plane if series.ndim == 2 else in_space):
                add_up(work, sums + n * GROUP * ORDER, values, n * LANES + start)  # type: ignore[call-arg]

    return fill


_velocities = _evaluating(weigh_velocity, velocity_sums, _FEW, velocity_terms)
_gradients = _evaluating(weigh_gradient, gradient_sums, _MANY, gradient_terms)


@part
def _scale(values, n, table, axis, shift, out, row):
    for p in range(LANES):
        out[row, p] = table[ROWS * axis, p] * values[n, p] + shift


@part
def velocity_at(series, ahead, drift, walls, position, work, table, out):
    """Fill `out` with the velocity at the particles, and their `table`; `ahead` is the series that comes next."""
    room, values = work
    _tabulate(series, walls, position, table)
    if series.ndim == 2:  # in space it takes as long as it saves
        for start in range(0, LANES, GROUP):  # the neighbours of a particle are near
            prefetch(table, start, ahead, _starts(ahead), _strides(ahead))  # type: ignore[call-arg]
    _velocities(series, walls, table, room, values)
    for a in range(_dim(series)):
        _scale(values, a, table, a, drift[a], out, a)


@part
def gradient_at(series, drift, walls, position, work, table, out, gradient):
    """Fill `out` with the velocity, `gradient` with its derivatives row by row, and the particles' `table`."""
    room, values = work
    dim = _dim(series)
    _tabulate(series, walls, position, table)
    _gradients(series, walls, table, room, values)
    for a in range(dim):
        _scale(values, a, table, a, drift[a], out, a)
    last = dim * dim - 1
    for p in range(LANES):
        gradient[last, p] = 0.0
    for n in range(last):
        if n % (dim + 1) == 0:  # of the diagonal
            for p in range(LANES):
                gradient[n, p] = values[dim + n, p]
                gradient[last, p] -= values[dim + n, p]
        else:
            _scale(values, dim + n, table, n // dim, 0.0, gradient, n)


@inlined(fastmath={*FUSE, "reassoc"})
def _total(row):
    total = 0.0
    for p in range(LANES):
        total += row[p]
    return total


@part
def collect(multiplier, walls, table, work, series_bar, drift_bar):
    """Add the derivatives of ``sum_p mu . U_p`` by the interpolant and the mean to theirs, equation (10)."""
    starts, strides, scales = _starts(series_bar), _strides(series_bar), _scales(series_bar, walls)
    share, (room, _) = _dim(series_bar) * _FEW, work
    if series_bar.ndim == 3:
        for a in range(3):
            drift_bar[a] += _total(multiplier[a])
    for start in range(0, LANES, GROUP):
        for p in range(start, start + GROUP):
            weigh_velocity(room, share * (p - start), table, p, 0.0, scales)
        for p in range(start, start + GROUP):
            deposit(room, share * (p - start), table, p, series_bar, starts, strides, multiplier)  # type: ignore[call-arg]
