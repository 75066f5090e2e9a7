"""Numba loops under `eulerot.euler.particles`, which documents them: steps of particles and their adjoint.

A Runge-Kutta step is a sum of its own slopes, one of Adams' scheme also of slopes of the past, see `schemes`.

One code serves the plane and space: which it is shows in the number of axes of the coefficients, known when the loops
are compiled.
"""

from __future__ import annotations

import numpy as np

from eulerot._compiled import compiled
from eulerot.euler.particles._kernels_lanes import FUSE, LANES, ROWS, part
from eulerot.euler.particles._kernels_velocity import collect, gradient_at, velocity_at, workspace


@part
def _copy(rows, into):
    # an assignment of slices would compile the text of the error that it may raise, which takes two seconds
    for c in range(len(into)):
        for p in range(LANES):
            into[c, p] = rows[c, p]


@part
def _clear(rows):
    for c in range(len(rows)):
        for p in range(LANES):
            rows[c, p] = 0.0


@part
def _add_slopes(slopes, weights, i, columns, first, dt, into):
    """Add the step times a sum of some `columns` of slopes, the oldest of which is the `first` row of the ring.

    They are added four at a time, since what takes long is to read and write the sum; weights beyond the last column
    are zero.
    """
    rows, last = len(slopes), columns - 1
    for j in range(0, columns, 4):
        a, b, c, d = dt * weights[i, j], dt * weights[i, j + 1], dt * weights[i, j + 2], dt * weights[i, j + 3]
        w, x = (first + j) % rows, (first + min(j + 1, last)) % rows
        y, z = (first + min(j + 2, last)) % rows, (first + min(j + 3, last)) % rows
        for n in range(len(into)):
            for p in range(LANES):
                into[n, p] += a * slopes[w, n, p] + b * slopes[x, n, p] + c * slopes[y, n, p] + d * slopes[z, n, p]


@part
def _vary(gradient, dim, stage, slope):
    """Set the slope of ``DX`` to ``DU DX``, the variational equation."""
    for i in range(dim):
        for j in range(dim):
            entry = dim + dim * i + j
            for p in range(LANES):
                slope[entry, p] = 0.0
            for k in range(dim):
                for p in range(LANES):
                    slope[entry, p] += gradient[dim * i + k, p] * stage[dim + dim * k + j, p]


@part
def _watch(predicted, corrected, table, corrections):
    """Raise the corrections to what positions were corrected by, over the factor of the walls."""
    for axis in range(len(predicted)):
        for p in range(LANES):
            by = abs((corrected[axis, p] - predicted[axis, p]) / table[ROWS * axis, p])
            if by > corrections[p]:
                corrections[p] = by


@compiled(fastmath=FUSE)
def advance(lanes, handed, coefs, drift, weights, past, dt, walls, record, corrections):
    """Advance blocks of states in place: positions alone, or positions and the entries of the Jacobian.

    The slopes of one step after another are in a ring of rows: `handed` are the last of those before the first step,
    and at the end of those of the last one; a step asks for some that are `past`. `record` keeps the positions that the
    first stage of each step sees, and `corrections` the most by which a step of Adams' scheme corrected a particle, if
    they have room.
    """
    stages, rows = len(weights) - 1, weights.shape[1]
    kept, dim, velocities, size = handed.shape[1], coefs.ndim - 1, len(coefs), lanes.shape[1]
    jacobian, watched = size > dim, corrections.shape[1] > 0
    work, table, gradient = workspace(coefs[0]), np.empty((dim * ROWS, LANES)), np.empty((dim * dim, LANES))
    stage, slopes = np.empty((size, LANES)), np.empty((rows, size, LANES))
    predicted = np.empty((dim if watched else 0, LANES))  # no room where it is idle: in space all else takes 5 % longer
    for block in range(len(lanes)):
        state, first = lanes[block], 0
        for j in range(past):
            _copy(handed[block, j], slopes[j])
        for n in range(velocities // stages):
            for i in range(stages + 1):
                _copy(state, stage)
                _add_slopes(slopes, weights, i, past + i, first, dt, stage)
                if i == stages:
                    break
                if i == 0:
                    _copy(stage, predicted)
                    if record.shape[1] > 0:
                        _copy(stage, record[block, n])
                k, slope = n * stages + i, slopes[(first + past + i) % rows]
                if jacobian:
                    gradient_at(coefs[k], drift[k], walls, stage, work, table, slope, gradient)
                    _vary(gradient, dim, stage, slope)
                else:
                    ahead = coefs[min(k + 1, velocities - 1)]
                    velocity_at(coefs[k], ahead, drift[k], walls, stage, work, table, slope)
            if watched and stages == 1:
                _watch(predicted, stage, table, corrections[block, 0])
            _copy(stage, state)
            first = (first + stages) % rows
        for j in range(kept):
            _copy(slopes[(first + past - kept + j) % rows], handed[block, j])


@part
def _pull(gradient, slope_bar, back):
    """Set the derivatives by a stage's positions to the transposed velocity gradient times the multiplier."""
    dim = len(back)
    for j in range(dim):
        for p in range(LANES):
            back[j, p] = 0.0
        for i in range(dim):
            for p in range(LANES):
                back[j, p] += gradient[dim * i + j, p] * slope_bar[i, p]


@part
def _add(weight, rows, into):
    if weight == 0.0:
        return
    for c in range(len(into)):
        for p in range(LANES):
            into[c, p] += weight * rows[c, p]


@compiled(fastmath=FUSE)
def adjoint(record, lanes, handed, coefs, drift, weights, past, dt, walls, coefs_bar, drift_bar):
    """Take multipliers of the final positions back to the start, in place, and add derivatives by the fields.

    So are those of the slopes that were `handed` on. The stages of a step are computed again from the positions that
    its first one saw: to keep them would take longer.
    """
    stages, rows = len(weights) - 1, weights.shape[1]
    kept, dim = handed.shape[1], coefs_bar.ndim - 1
    work, bars, back = workspace(coefs_bar[0]), np.empty((rows, dim, LANES)), np.empty((stages, dim, LANES))
    stage, slopes = np.empty((dim, LANES)), np.empty((stages, dim, LANES))
    tables, gradient = np.empty((stages, dim * ROWS, LANES)), np.empty((stages, dim * dim, LANES))
    for block in range(len(lanes)):
        mu, first = lanes[block], len(coefs_bar) % rows
        for j in range(rows):
            _clear(bars[j])
        for j in range(kept):
            _copy(handed[block, j], bars[(first + past - kept + j) % rows])
        for n in range(len(coefs_bar) // stages - 1, -1, -1):
            first = (first + rows - stages) % rows
            for i in range(stages):
                k = n * stages + i
                _copy(record[block, n], stage)  # it has what slopes of the past add
                for j in range(i):
                    _add(dt * weights[i, past + j], slopes[j], stage)
                gradient_at(coefs[k], drift[k], walls, stage, work, tables[i], slopes[i], gradient[i])
            for j in range(past + stages - 1, -1, -1):
                i, slope_bar = j - past, bars[(first + j) % rows]
                for later in range(stages, max(i, -1), -1):
                    _add(dt * weights[later, j], mu if later == stages else back[later], slope_bar)
                if i >= 0:
                    k = n * stages + i
                    collect(slope_bar, walls, tables[i], work, coefs_bar[k], drift_bar[k])
                    _pull(gradient[i], slope_bar, back[i])
                    _clear(slope_bar)
            for i in range(stages):
                _add(1.0, back[i], mu)
        for j in range(past):
            _copy(bars[(first + j) % rows], handed[block, j])
