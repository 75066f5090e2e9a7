"""Numba loops under `eulerot.euler.particles`, which documents them; shapes and conventions are there.

Particles travel in blocks of LANES. Every work array is flat and LANES is a constant, because only then can the
compiler prove that the inner loops do not overlap, and turn them into vector instructions. A table holds, for basis
function m, the values ``b_m`` at all lanes and then the derivatives ``b'_m``.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

LANES = 32
UNROLL = 4
_PAIR = 2 * LANES
# Products may be fused with sums; nothing is reordered except in the one reduction that says so
_FUSE = {"contract", "nsz"}
_TWO_PI = 2.0 * math.pi


@njit(cache=True, fastmath=_FUSE)
def _sine_cosine(position, walls, trig):
    """Fill `trig` with the sines and cosines of one coordinate: Taylor series at a quarter of the angle, doubled twice.

    Sines keep their relative accuracy at small angles. Series, because the library's sine is not vectorised.
    """
    for p in range(LANES):
        x = position[p]
        if not walls:
            x -= _TWO_PI * np.floor(x / _TWO_PI + 0.5)
        t = 0.25 * x
        q = t * t
        s = t * (
            1
            + q
            * (
                -1 / 6
                + q
                * (
                    1 / 120
                    + q
                    * (
                        -1 / 5040
                        + q
                        * (
                            1 / 362880
                            + q
                            * (-1 / 39916800 + q * (1 / 6227020800 + q * (-1 / 1307674368000 + q / 355687428096000)))
                        )
                    )
                )
            )
        )
        s2 = 2 * s * math.sqrt(1 - s * s)  # |t| <= pi/4, so the cosine is at least 0.7 and loses nothing
        c2 = 1 - 2 * s * s
        sign = 1.0
        if walls and x < 0:  # measured from the wall at pi: both change sign
            sign = -1.0
        trig[p] = sign * 2 * s2 * c2
        trig[LANES + p] = sign * (1 - 2 * s2 * s2)


@njit(cache=True, fastmath=_FUSE)
def _tabulate(position, walls, count, trig, table):
    """Fill `table` with basis functions and derivatives by the recurrence of rotations."""
    _sine_cosine(position, walls, trig)
    if walls:
        for p in range(_PAIR):
            table[p] = trig[p]
        for k in range(count - 1):
            o = k * _PAIR
            for p in range(LANES):
                s, c = table[o + p], table[o + LANES + p]
                table[o + _PAIR + p] = s * table[LANES + p] + c * table[p]
                table[o + _PAIR + LANES + p] = c * table[LANES + p] - s * table[p]
        for k in range(count):
            o = k * _PAIR + LANES
            for p in range(LANES):
                table[o + p] *= k + 1.0
        return
    for p in range(LANES):  # rows 2k and 2k + 1: cos, -k sin | sin, k cos; scaled by k afterwards
        table[p] = 1.0
        table[LANES + p] = 0.0
        table[_PAIR + p] = 0.0
        table[_PAIR + LANES + p] = 1.0
    for k in range(count // 2 - 1):
        o = 2 * k * _PAIR
        for p in range(LANES):
            c, s = table[o + p], table[o + _PAIR + p]
            table[o + 2 * _PAIR + p] = c * trig[LANES + p] - s * trig[p]
            table[o + 3 * _PAIR + p] = s * trig[LANES + p] + c * trig[p]
    for k in range(count // 2):
        o = 2 * k * _PAIR
        for p in range(LANES):
            table[o + LANES + p] = -k * table[o + _PAIR + p]
            table[o + _PAIR + LANES + p] = k * table[o + p]


@njit(cache=True, fastmath=_FUSE)
def _contract(psi, row, table, sums):
    """Set `sums` to ``Q = sum_n Psi_mn b_n`` and then ``P = sum_n Psi_mn b'_n`` for one m."""
    for p in range(_PAIR):
        sums[p] = 0.0
    for j in range(psi.shape[1] // UNROLL):
        a0, a1, a2, a3 = psi[row, 4 * j], psi[row, 4 * j + 1], psi[row, 4 * j + 2], psi[row, 4 * j + 3]
        o = j * UNROLL * _PAIR
        for p in range(_PAIR):
            sums[p] += (
                a0 * table[o + p]
                + a1 * table[o + _PAIR + p]
                + a2 * table[o + 2 * _PAIR + p]
                + a3 * table[o + 3 * _PAIR + p]
            )


@njit(cache=True, fastmath=_FUSE)
def _velocity(psi, table_x, table_y, sums, velocity):
    """Fill `velocity` with ``u = sum b_m P_m`` and ``v = -sum b'_m Q_m``."""
    for p in range(_PAIR):
        velocity[p] = 0.0
    for m in range(psi.shape[0]):
        _contract(psi, m, table_y, sums)
        o = m * _PAIR
        for p in range(LANES):
            velocity[p] += table_x[o + p] * sums[LANES + p]
            velocity[LANES + p] -= table_x[o + LANES + p] * sums[p]


@njit(cache=True, fastmath=_FUSE)
def _contract_gradient(psi, row, table, walls, sums):
    """Set `sums` to Q, P and ``R = sum_n Psi_mn b''_n``, with ``b''_n = -k_n^2 b_n``."""
    _contract(psi, row, table, sums)
    for p in range(LANES):
        sums[_PAIR + p] = 0.0
    for j in range(psi.shape[1] // 2):
        k0, k1 = (2 * j + 1.0, 2 * j + 2.0) if walls else (1.0 * j, 1.0 * j)
        a0, a1 = -k0 * k0 * psi[row, 2 * j], -k1 * k1 * psi[row, 2 * j + 1]
        o = 2 * j * _PAIR
        for p in range(LANES):
            sums[_PAIR + p] += a0 * table[o + p] + a1 * table[o + _PAIR + p]


@njit(cache=True, fastmath=_FUSE)
def _gradient(psi, table_x, table_y, walls, sums, velocity, gradient):
    """Fill `velocity`, and `gradient` with ``u_x, u_y, v_x``; ``v_y = -u_x``."""
    for p in range(_PAIR):
        velocity[p] = 0.0
    for p in range(3 * LANES):
        gradient[p] = 0.0
    for m in range(psi.shape[0]):
        _contract_gradient(psi, m, table_y, walls, sums)
        k = m + 1.0 if walls else float(m // 2)
        o = m * _PAIR
        for p in range(LANES):
            b, d = table_x[o + p], table_x[o + LANES + p]
            velocity[p] += b * sums[LANES + p]
            velocity[LANES + p] -= d * sums[p]
            gradient[p] += d * sums[LANES + p]
            gradient[LANES + p] += b * sums[_PAIR + p]
            gradient[_PAIR + p] += k * k * b * sums[p]


@njit(cache=True, fastmath=_FUSE)
def _stage(state, slopes, a, i, dt, size, stage):
    """Set `stage` to the state that stage `i` sees."""
    for p in range(size):
        stage[p] = state[p]
    for j in range(i):
        weight = dt * a[i, j]
        if weight != 0.0:
            o = j * size
            for p in range(size):
                stage[p] += weight * slopes[o + p]


@njit(cache=True, nogil=True, fastmath=_FUSE)
def advance(lanes, psi, a, b, dt, walls, record):
    """Advance blocks of states in place: positions alone, or positions and the four entries of the Jacobian."""
    steps, stages, rows, columns = psi.shape
    size = lanes.shape[1]
    jacobian = size > _PAIR
    table_x, table_y = np.empty(rows * _PAIR), np.empty(columns * _PAIR)
    trig, sums, velocity, gradient = np.empty(_PAIR), np.empty(3 * LANES), np.empty(_PAIR), np.empty(3 * LANES)
    stage, slopes, ends = np.empty(size), np.empty(stages * size), np.zeros((stages + 1, stages))
    ends[:stages] = a
    ends[stages] = b
    for block in range(lanes.shape[0]):
        state = lanes[block]
        for n in range(steps):
            for i in range(stages):
                _stage(state, slopes, ends, i, dt, size, stage)
                if record.shape[1] > 0:
                    record[block, n, i, :] = stage
                _tabulate(stage, walls, rows, trig, table_x)
                _tabulate(stage[LANES:], walls, columns, trig, table_y)
                o = i * size
                if jacobian:
                    _gradient(psi[n, i], table_x, table_y, walls, sums, velocity, gradient)
                    _vary(gradient, stage, slopes, o)
                else:
                    _velocity(psi[n, i], table_x, table_y, sums, velocity)
                for p in range(_PAIR):
                    slopes[o + p] = velocity[p]
            _stage(state, slopes, ends, stages, dt, size, stage)
            for p in range(size):
                state[p] = stage[p]


@njit(cache=True, fastmath=_FUSE)
def _vary(gradient, stage, slopes, o):
    """The variational equation: set the slopes of ``DX`` to ``DU DX``."""
    for p in range(LANES):
        u_x, u_y, v_x = gradient[p], gradient[LANES + p], gradient[_PAIR + p]
        for column in range(2):
            first, second = stage[(2 + column) * LANES + p], stage[(4 + column) * LANES + p]
            slopes[o + (2 + column) * LANES + p] = u_x * first + u_y * second
            slopes[o + (4 + column) * LANES + p] = v_x * first - u_x * second


@njit(cache=True, fastmath={"contract", "nsz", "reassoc"})
def _deposit(slope_bar, table_x, table_y, weights, psi_bar):
    """Add ``sum_p mu . dU/dPsi_mn``, the type-1 sum of equation (10); the one reduction over lanes."""
    for m in range(psi_bar.shape[0]):
        o = m * _PAIR
        for p in range(LANES):
            weights[p] = -slope_bar[LANES + p] * table_x[o + LANES + p]
            weights[LANES + p] = slope_bar[p] * table_x[o + p]
        for n in range(psi_bar.shape[1]):
            o = n * _PAIR
            total = 0.0
            for p in range(_PAIR):
                total += weights[p] * table_y[o + p]
            psi_bar[m, n] += total


@njit(cache=True, nogil=True, fastmath=_FUSE)
def adjoint(record, lanes, psi, a, b, dt, walls, start, psi_bar):
    """Take multipliers of the final positions back to the start, and add derivatives by the coefficients."""
    steps, stages, rows, columns = psi.shape
    table_x, table_y = np.empty(rows * _PAIR), np.empty(columns * _PAIR)
    trig, sums, velocity, gradient = np.empty(_PAIR), np.empty(3 * LANES), np.empty(_PAIR), np.empty(3 * LANES)
    weights, slope_bar, back = np.empty(_PAIR), np.empty(_PAIR), np.empty(stages * _PAIR)
    for block in range(lanes.shape[0]):
        mu = start[block]
        mu[:] = lanes[block]
        for n in range(steps - 1, -1, -1):
            for i in range(stages - 1, -1, -1):
                for p in range(_PAIR):
                    slope_bar[p] = dt * b[i] * mu[p]
                for j in range(i + 1, stages):
                    weight = dt * a[j, i]
                    if weight != 0.0:
                        o = j * _PAIR
                        for p in range(_PAIR):
                            slope_bar[p] += weight * back[o + p]
                stage = record[block, n, i]
                _tabulate(stage, walls, rows, trig, table_x)
                _tabulate(stage[LANES:], walls, columns, trig, table_y)
                _gradient(psi[n, i], table_x, table_y, walls, sums, velocity, gradient)
                _deposit(slope_bar, table_x, table_y, weights, psi_bar[n, i])
                o = i * _PAIR
                for p in range(LANES):
                    first, second = slope_bar[p], slope_bar[LANES + p]
                    u_x, u_y, v_x = gradient[p], gradient[LANES + p], gradient[_PAIR + p]
                    back[o + p] = u_x * first + v_x * second
                    back[o + LANES + p] = u_y * first - u_x * second
            for i in range(stages):
                o = i * _PAIR
                for p in range(_PAIR):
                    mu[p] += back[o + p]
