"""Numba loops under `eulerot.euler.particles`, which documents them: Runge-Kutta steps of particles and their adjoint.

One code serves the plane and space: which it is shows in the number of axes of the coefficients, known when the loops
are compiled.
"""

from __future__ import annotations

import numpy as np

from eulerot._compiled import compiled
from eulerot.euler.particles._kernels_lanes import FUSE, LANES, part
from eulerot.euler.particles._kernels_velocity import collect, gradient_at, table_size, velocity_at, workspace


@part
def _copy(rows, into):
    # an assignment of slices would compile the text of the error that it may raise, which takes two seconds
    for p in range(len(into)):
        into[p] = rows[p]


@part
def _stage(state, slopes, weights, i, dt, size, stage):
    """Set `stage` to the state that stage `i` sees, or, after the last one, to that at the end of the step."""
    _copy(state, stage)
    for j in range(i):
        weight = dt * weights[i, j]
        if weight != 0.0:
            o = j * size
            for p in range(size):
                stage[p] += weight * slopes[o + p]


@part
def _vary(gradient, dim, stage, slopes, o):
    """Set the slopes of ``DX`` to ``DU DX``, the variational equation."""
    for i in range(dim):
        for j in range(dim):
            into = o + (dim + dim * i + j) * LANES
            for p in range(LANES):
                slopes[into + p] = 0.0
            for k in range(dim):
                left, right = (dim * i + k) * LANES, (dim + dim * k + j) * LANES
                for p in range(LANES):
                    slopes[into + p] += gradient[left + p] * stage[right + p]


@compiled(fastmath=FUSE)
def advance(lanes, coefs, drift, weights, dt, walls, record):
    """Advance blocks of states in place: positions alone, or positions and the entries of the Jacobian.

    `record` keeps the positions at the start of each step, if it has room.
    """
    steps, stages = coefs.shape[:2]
    dim = 2 if coefs.ndim == 4 else 3
    size, room = lanes.shape[1], dim * LANES
    jacobian = size > room
    work, gradient = workspace(coefs[0, 0]), np.empty(dim * room)
    table = np.empty(table_size(coefs[0, 0]))
    stage, slopes = np.empty(size), np.empty(stages * size)
    for block in range(lanes.shape[0]):
        state = lanes[block]
        for n in range(steps):
            if record.shape[1] > 0:
                _copy(state, record[block, n])
            for i in range(stages):
                _stage(state, slopes, weights, i, dt, size, stage)
                o = i * size
                if jacobian:
                    gradient_at(coefs[n, i], drift[n, i], walls, stage, work, table, slopes[o : o + room], gradient)
                    _vary(gradient, dim, stage, slopes, o)
                else:
                    later = min(n * stages + i + 1, steps * stages - 1)
                    ahead = coefs[later // stages, later % stages]
                    velocity_at(coefs[n, i], ahead, drift[n, i], walls, stage, work, table, slopes[o : o + room])
            _stage(state, slopes, weights, stages, dt, size, stage)
            _copy(stage, state)


@part
def _pull(gradient, dim, slope_bar, back, o):
    """Set the derivatives by a stage's positions to the transposed velocity gradient times the multiplier."""
    for j in range(dim):
        into = o + j * LANES
        for p in range(LANES):
            back[into + p] = 0.0
        for i in range(dim):
            entry = (dim * i + j) * LANES
            for p in range(LANES):
                back[into + p] += gradient[entry + p] * slope_bar[i * LANES + p]


@compiled(fastmath=FUSE)
def adjoint(record, lanes, coefs, drift, weights, dt, walls, coefs_bar, drift_bar):
    """Take multipliers of the final positions back to the start, in place, and add derivatives by the fields.

    The stages of a step are computed again from the positions at its start: to keep them would take longer.
    """
    steps, stages = coefs_bar.shape[:2]
    dim = 2 if coefs_bar.ndim == 4 else 3
    room = dim * LANES
    work, slope_bar, back = workspace(coefs_bar[0, 0]), np.empty(room), np.empty(stages * room)
    stage, slopes, gradient = np.empty(room), np.empty(stages * room), np.empty(stages * dim * room)
    tables = np.empty((stages, table_size(coefs[0, 0])))
    for block in range(lanes.shape[0]):
        mu = lanes[block]
        for n in range(steps - 1, -1, -1):
            for i in range(stages):
                o = i * room
                _stage(record[block, n], slopes, weights, i, dt, room, stage)
                there = gradient[dim * o : dim * (o + room)]
                gradient_at(coefs[n, i], drift[n, i], walls, stage, work, tables[i], slopes[o : o + room], there)
            for i in range(stages - 1, -1, -1):
                for p in range(room):
                    slope_bar[p] = dt * weights[stages, i] * mu[p]
                for j in range(i + 1, stages):
                    weight = dt * weights[j, i]
                    if weight != 0.0:
                        o = j * room
                        for p in range(room):
                            slope_bar[p] += weight * back[o + p]
                o = i * room
                collect(slope_bar, walls, tables[i], work, coefs_bar[n, i], drift_bar[n, i])
                _pull(gradient[dim * o :], dim, slope_bar, back, o)
            for i in range(stages):
                o = i * room
                for p in range(room):
                    mu[p] += back[o + p]
