"""Numba loops that the plane and space share: tables of the one-dimensional basis functions, and sums over them.

Particles travel in blocks of LANES. Every work array is flat and LANES is a constant, because only then can the
compiler prove that the inner loops do not overlap, and turn them into vector instructions. For the same
reason a place in an array is a view from there on, not an offset, whose sign the compiler would not know. Sums go in
tiles of TILE by TILE coefficients, whose operands then come from registers rather than from memory.

A table has, for one coordinate of a block, rows of LANES values: `harmonics` rows ``cos(k x)`` from k = 0 on, as many
``sin(k x)``, then the derivatives of all these rows, in the same order, and so on. A set of basis functions is a view
into a table: on the torus all cosines and sines; in the box either.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

LANES = 64
TILE = 4
# The second half of the array that `tabulate` works in, and its length
_NOW, TRIG = 2 * LANES, 4 * LANES
# Products may be fused with sums; nothing is reordered except in the one reduction that says so
FUSE = {"contract", "nsz"}
_TWO_PI = 2.0 * math.pi


@njit
def _harmonics(count, walls):
    return count + 1 if walls else count // 2


@njit
def table_size(count, walls, derivatives):
    """Return the length of a table for `count` basis functions and so many derivatives."""
    return 2 * (derivatives + 1) * _harmonics(count, walls) * LANES


@njit
def basis_rows(table, count, walls, sines, derivative):
    """Return `count` basis functions, or a derivative of theirs, as rows of LANES values: a view into a table.

    In the box `sines` start from k = 1, cosines from k = 0.
    """
    half = _harmonics(count, walls) * LANES
    return table[2 * derivative * half + (half + LANES if walls and sines else 0) :]


@njit(fastmath=FUSE)
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
def tabulate(position, walls, count, derivatives, trig, table):
    """Fill a table for `count` basis functions and so many derivatives, by the recurrence of rotations.

    `trig` holds sine and cosine, and then the row that the recurrence has reached.
    """
    harmonics = _harmonics(count, walls)
    half = harmonics * LANES
    _sine_cosine(position, walls, trig)
    for p in range(LANES):
        trig[_NOW + p], trig[_NOW + LANES + p] = 1.0, 0.0
    cosines, sines = table, table[half:]
    for k in range(harmonics):
        o = k * LANES
        for p in range(LANES):
            c, s = trig[_NOW + p], trig[_NOW + LANES + p]
            cosines[o + p] = c
            sines[o + p] = s
            trig[_NOW + p] = c * trig[LANES + p] - s * trig[p]
            trig[_NOW + LANES + p] = s * trig[LANES + p] + c * trig[p]
    for d in range(derivatives):
        _differentiate(table[(2 * d + 1) * half :], harmonics, -1.0, table[(2 * d + 2) * half :])
        _differentiate(table[2 * d * half :], harmonics, 1.0, table[(2 * d + 3) * half :])


@njit(fastmath=FUSE)
def _differentiate(rows, harmonics, sign, out):
    for k in range(harmonics):
        o = k * LANES
        for p in range(LANES):
            out[o + p] = sign * k * rows[o + p]


@njit(fastmath=FUSE)
def contract(coefs, row, basis, sums):
    """Set rows of `sums` to ``sum_n coefs[row + r, n] b_n``, for the TILE coefficient rows from `row` on."""
    for p in range(TILE * LANES):
        sums[p] = 0.0
    for j in range(coefs.shape[1] // TILE):
        n, o = TILE * j, TILE * j * LANES
        a0, a1, a2, a3 = coefs[row, n], coefs[row, n + 1], coefs[row, n + 2], coefs[row, n + 3]
        b0, b1, b2, b3 = coefs[row + 1, n], coefs[row + 1, n + 1], coefs[row + 1, n + 2], coefs[row + 1, n + 3]
        c0, c1, c2, c3 = coefs[row + 2, n], coefs[row + 2, n + 1], coefs[row + 2, n + 2], coefs[row + 2, n + 3]
        d0, d1, d2, d3 = coefs[row + 3, n], coefs[row + 3, n + 1], coefs[row + 3, n + 2], coefs[row + 3, n + 3]
        for p in range(LANES):
            t0, t1, t2, t3 = basis[o + p], basis[o + LANES + p], basis[o + 2 * LANES + p], basis[o + 3 * LANES + p]
            sums[p] += a0 * t0 + a1 * t1 + a2 * t2 + a3 * t3
            sums[LANES + p] += b0 * t0 + b1 * t1 + b2 * t2 + b3 * t3
            sums[2 * LANES + p] += c0 * t0 + c1 * t1 + c2 * t2 + c3 * t3
            sums[3 * LANES + p] += d0 * t0 + d1 * t1 + d2 * t2 + d3 * t3


@njit(fastmath=FUSE)
def weigh(sums, basis, out):
    """Add ``sum_r b_r sums_r`` to `out`, over the first TILE basis functions."""
    for p in range(LANES):
        out[p] += (
            basis[p] * sums[p]
            + basis[LANES + p] * sums[LANES + p]
            + basis[2 * LANES + p] * sums[2 * LANES + p]
            + basis[3 * LANES + p] * sums[3 * LANES + p]
        )


@njit(fastmath=FUSE)
def spread(values, basis, sums):
    """Set TILE rows of `sums` to ``values b_r``, the transpose of `weigh`."""
    for r in range(TILE):
        o = r * LANES
        for p in range(LANES):
            sums[o + p] = values[p] * basis[o + p]


# Inlined, because a process that compiles it links calls to another machine code than one that loads the entry point
# from Numba's cache, and a sum in another order has other bits
@njit(fastmath={*FUSE, "reassoc"}, forceinline=True)
def deposit(sums, basis, coefs_bar, row):
    """Add ``sum_p sums_r b_n`` to ``coefs_bar[row + r, n]``, the transpose of `contract`; the reduction over lanes."""
    for j in range(coefs_bar.shape[1] // 2):
        n, o = 2 * j, 2 * j * LANES
        a0 = a1 = b0 = b1 = c0 = c1 = d0 = d1 = 0.0
        for p in range(LANES):
            t0, t1 = basis[o + p], basis[o + LANES + p]
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
