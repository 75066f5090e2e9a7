"""Numba loops that the plane and space share: tables of the one-dimensional basis functions, and sums over them.

Particles travel in blocks of LANES. Every work array is flat and LANES is a constant, because only then can the
compiler prove that the inner loops do not overlap, and turn them into vector instructions. Sums go in tiles of TILE by
TILE coefficients, whose operands then come from registers rather than from memory.

A table has, for one coordinate of a block, rows of LANES values: `harmonics` rows ``cos(k x)`` from k = 0 on, as many
``sin(k x)``, then the derivatives of all these rows, in the same order, and so on. A set of basis functions is where
it starts in a table and its count: on the torus all cosines and sines; in the box either.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

LANES = 32
TILE = 4
# Products may be fused with sums; nothing is reordered except in the one reduction that says so
FUSE = {"contract", "nsz"}
_TWO_PI = 2.0 * math.pi


@njit(fastmath=FUSE)
def _sine_cosine(position, row, walls, trig):
    """Fill `trig` with the sines and cosines of one coordinate: Taylor series at a quarter of the angle, doubled twice.

    Sines keep their relative accuracy at small angles. Series, because the library's sine is not vectorised.
    """
    for p in range(LANES):
        x = position[row * LANES + p]
        if not walls:
            x -= _TWO_PI * np.floor(x / _TWO_PI + 0.5)
        t = 0.25 * x
        q = t * t
        s = q * (1 / 6227020800 + q * (-1 / 1307674368000 + q / 355687428096000))
        s = q * (-1 / 5040 + q * (1 / 362880 + q * (-1 / 39916800 + s)))
        s = t * (1 + q * (-1 / 6 + q * (1 / 120 + s)))
        s2 = 2 * s * math.sqrt(1 - s * s)  # |t| <= pi/4, so the cosine is at least 0.7 and loses nothing
        c2 = 1 - 2 * s * s
        sign = 1.0
        if walls and x < 0:  # measured from the wall at pi: both change sign
            sign = -1.0
        trig[p] = sign * 2 * s2 * c2
        trig[LANES + p] = sign * (1 - 2 * s2 * s2)


@njit(fastmath=FUSE)
def tabulate(position, row, walls, harmonics, derivatives, trig, table):
    """Fill `table` for the coordinate `row` of a block, by the recurrence of rotations, with so many derivatives."""
    half = harmonics * LANES
    _sine_cosine(position, row, walls, trig)
    for p in range(LANES):
        table[p] = 1.0
        table[half + p] = 0.0
    for k in range(harmonics - 1):
        o = k * LANES
        for p in range(LANES):
            c, s = table[o + p], table[half + o + p]
            table[o + LANES + p] = c * trig[LANES + p] - s * trig[p]
            table[half + o + LANES + p] = s * trig[LANES + p] + c * trig[p]
    for d in range(derivatives):
        for k in range(harmonics):
            o = 2 * d * half + k * LANES
            for p in range(LANES):
                table[o + 2 * half + p] = -k * table[o + half + p]
                table[o + 3 * half + p] = k * table[o + p]


@njit
def layout(count, walls, sines):
    """Return, for `count` basis functions of a coordinate, the harmonics, where they start, and the way to derivatives.

    In the box `sines` start from k = 1, cosines from k = 0.
    """
    harmonics = count + 1 if walls else count // 2
    start = (harmonics + 1) * LANES if walls and sines else 0
    return harmonics, start, 2 * harmonics * LANES


@njit(fastmath=FUSE)
def contract(coefs, row, table, start, sums):
    """Set rows of `sums` to ``sum_n coefs[row + r, n] b_n``, for the TILE coefficient rows from `row` on."""
    for p in range(TILE * LANES):
        sums[p] = 0.0
    for j in range(coefs.shape[1] // TILE):
        n, o = TILE * j, start + TILE * j * LANES
        a0, a1, a2, a3 = coefs[row, n], coefs[row, n + 1], coefs[row, n + 2], coefs[row, n + 3]
        b0, b1, b2, b3 = coefs[row + 1, n], coefs[row + 1, n + 1], coefs[row + 1, n + 2], coefs[row + 1, n + 3]
        c0, c1, c2, c3 = coefs[row + 2, n], coefs[row + 2, n + 1], coefs[row + 2, n + 2], coefs[row + 2, n + 3]
        d0, d1, d2, d3 = coefs[row + 3, n], coefs[row + 3, n + 1], coefs[row + 3, n + 2], coefs[row + 3, n + 3]
        for p in range(LANES):
            t0, t1, t2, t3 = table[o + p], table[o + LANES + p], table[o + 2 * LANES + p], table[o + 3 * LANES + p]
            sums[p] += a0 * t0 + a1 * t1 + a2 * t2 + a3 * t3
            sums[LANES + p] += b0 * t0 + b1 * t1 + b2 * t2 + b3 * t3
            sums[2 * LANES + p] += c0 * t0 + c1 * t1 + c2 * t2 + c3 * t3
            sums[3 * LANES + p] += d0 * t0 + d1 * t1 + d2 * t2 + d3 * t3


@njit(fastmath=FUSE)
def weigh(sums, table, start, out, row):
    """Add ``sum_r b_r sums_r`` over TILE rows to a row of `out`."""
    o, into = start, row * LANES
    for p in range(LANES):
        out[into + p] += (
            table[o + p] * sums[p]
            + table[o + LANES + p] * sums[LANES + p]
            + table[o + 2 * LANES + p] * sums[2 * LANES + p]
            + table[o + 3 * LANES + p] * sums[3 * LANES + p]
        )


@njit(fastmath=FUSE)
def spread(values, row, table, start, sums):
    """Set TILE rows of `sums` to ``values b_r``, the transpose of `weigh`."""
    for r in range(TILE):
        o = r * LANES
        for p in range(LANES):
            sums[o + p] = values[row * LANES + p] * table[start + o + p]


@njit(fastmath={*FUSE, "reassoc"})
def deposit(sums, table, start, coefs_bar, row):
    """Add ``sum_p sums_r b_n`` to ``coefs_bar[row + r, n]``, the transpose of `contract`; the reduction over lanes."""
    for j in range(coefs_bar.shape[1] // 2):
        n, o = 2 * j, start + 2 * j * LANES
        a0 = a1 = b0 = b1 = c0 = c1 = d0 = d1 = 0.0
        for p in range(LANES):
            t0, t1 = table[o + p], table[o + LANES + p]
            a, b, c, d = sums[p], sums[LANES + p], sums[2 * LANES + p], sums[3 * LANES + p]
            a0 += a * t0
            a1 += a * t1
            b0 += b * t0
            b1 += b * t1
            c0 += c * t0
            c1 += c * t1
            d0 += d * t0
            d1 += d * t1
        coefs_bar[row, n] += a0
        coefs_bar[row, n + 1] += a1
        coefs_bar[row + 1, n] += b0
        coefs_bar[row + 1, n + 1] += b1
        coefs_bar[row + 2, n] += c0
        coefs_bar[row + 2, n + 1] += c1
        coefs_bar[row + 3, n] += d0
        coefs_bar[row + 3, n + 1] += d1
