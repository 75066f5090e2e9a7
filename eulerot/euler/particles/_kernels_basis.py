"""Numba loops that the plane and space share: tables of the one-dimensional basis functions, and sums over them.

Particles travel in blocks of LANES. Every work array is flat and LANES is a constant, because only then can the
compiler prove that the inner loops do not overlap, and turn them into vector instructions. For the same
reason a place in an array is a view from there on, not an offset, whose sign the compiler would not know. Sums go in
tiles of TILE by TILE coefficients, whose operands then come from registers rather than from memory.

A family of basis functions, sines or cosines, comes in rows of LANES values, one for each wavenumber k. With a row f
goes its *quarter* row ``f' / k``, a quarter of a wave ahead: both families obey one recurrence, the rotation of
``(f, f' / k)``, which starts at ``(sin, cos)`` or at ``(cos, -sin)``; and ``f'' = -k^2 f``. On the torus a table has
the cosines and then the sines, from k = 0; in the box either, sines from k = 1.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

LANES = 128
TILE = 4
# Products may be fused with sums; nothing is reordered except in the one reduction that says so
FUSE = {"contract", "nsz"}
# Parts are inlined into their entry points: in a process that compiles them, calls would be linked to other machine
# code than in one that loads the entry point from Numba's cache, and a sum that is fused otherwise has other bits
part = njit(fastmath=FUSE, forceinline=True)
_TWO_PI = 2.0 * math.pi


@part
def sine_cosine(position, walls, trig):
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


@part
def wavenumber(n, walls, sines, count):
    """Return the wavenumber of row `n` of a table."""
    if walls:
        return float(n + 1 if sines else n)
    else:
        return float(n % (count // 2))


@part
def tabulate(trig, walls, sines, count, rows, quarter):
    """Fill `rows` with `count` basis functions and `quarter` with their derivatives over their wavenumbers.

    `trig` holds sines and cosines of the coordinate. In the box these are sines or cosines; on the torus half of them
    are cosines and half sines, whatever `sines` says.
    """
    if walls:
        _family(trig, sines, sines, count, rows, quarter)
    else:
        half = count // 2
        _family(trig, False, False, half, rows, quarter)
        _family(trig, True, False, half, rows[half * LANES :], quarter[half * LANES :])


@part
def _family(trig, sines, from_one, count, rows, quarter):
    """Fill the rows of a family and their quarter rows, an even number of them, two at a time."""
    for p in range(LANES):
        s, c = trig[p], trig[LANES + p]
        u, v = (s, c) if from_one else (0.0, 1.0)
        a, b = (u, v) if sines else (v, -u)
        rows[p], quarter[p] = a, b
        rows[LANES + p], quarter[LANES + p] = a * c + b * s, b * c - a * s
    for n in range(1, count - 1, 2):
        f, g = rows[n * LANES :], quarter[n * LANES :]
        for p in range(LANES):
            s, c = trig[p], trig[LANES + p]
            a, b = f[p] * c + g[p] * s, g[p] * c - f[p] * s
            f[LANES + p], g[LANES + p] = a, b
            f[2 * LANES + p], g[2 * LANES + p] = a * c + b * s, b * c - a * s


@part
def _tile(coefs, row, n):
    """Return TILE rows of TILE coefficients."""
    a0, a1, a2, a3 = coefs[row, n], coefs[row, n + 1], coefs[row, n + 2], coefs[row, n + 3]
    b0, b1, b2, b3 = coefs[row + 1, n], coefs[row + 1, n + 1], coefs[row + 1, n + 2], coefs[row + 1, n + 3]
    c0, c1, c2, c3 = coefs[row + 2, n], coefs[row + 2, n + 1], coefs[row + 2, n + 2], coefs[row + 2, n + 3]
    d0, d1, d2, d3 = coefs[row + 3, n], coefs[row + 3, n + 1], coefs[row + 3, n + 2], coefs[row + 3, n + 3]
    return a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3, d0, d1, d2, d3


@part
def contract(coefs, row, basis, sums):
    """Set rows of `sums` to ``sum_n coefs[row + r, n] b_n``, for the TILE coefficient rows from `row` on."""
    for j in range(coefs.shape[1] // TILE):
        o = TILE * j * LANES
        a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3, d0, d1, d2, d3 = _tile(coefs, row, TILE * j)
        for p in range(LANES):
            t0, t1, t2, t3 = basis[o + p], basis[o + LANES + p], basis[o + 2 * LANES + p], basis[o + 3 * LANES + p]
            a, b = a0 * t0 + a1 * t1 + a2 * t2 + a3 * t3, b0 * t0 + b1 * t1 + b2 * t2 + b3 * t3
            c, d = c0 * t0 + c1 * t1 + c2 * t2 + c3 * t3, d0 * t0 + d1 * t1 + d2 * t2 + d3 * t3
            if j > 0:
                a, b, c, d = sums[p] + a, sums[LANES + p] + b, sums[2 * LANES + p] + c, sums[3 * LANES + p] + d
            sums[p], sums[LANES + p], sums[2 * LANES + p], sums[3 * LANES + p] = a, b, c, d


# The sums are written out twice: in a part of their own they are not vectorised, and take seven times as long
@part
def contract_and_weigh(coefs, row, basis, sums, other, out):
    """Do `contract` and `weigh` with another basis in one loop: the last sums do not leave the registers."""
    last = coefs.shape[1] // TILE - 1
    for j in range(last + 1):
        o = TILE * j * LANES
        a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3, d0, d1, d2, d3 = _tile(coefs, row, TILE * j)
        for p in range(LANES):
            t0, t1, t2, t3 = basis[o + p], basis[o + LANES + p], basis[o + 2 * LANES + p], basis[o + 3 * LANES + p]
            a, b = a0 * t0 + a1 * t1 + a2 * t2 + a3 * t3, b0 * t0 + b1 * t1 + b2 * t2 + b3 * t3
            c, d = c0 * t0 + c1 * t1 + c2 * t2 + c3 * t3, d0 * t0 + d1 * t1 + d2 * t2 + d3 * t3
            if j > 0:
                a, b, c, d = sums[p] + a, sums[LANES + p] + b, sums[2 * LANES + p] + c, sums[3 * LANES + p] + d
            if j < last:
                sums[p], sums[LANES + p], sums[2 * LANES + p], sums[3 * LANES + p] = a, b, c, d
            else:
                out[p] += other[p] * a + other[LANES + p] * b + other[2 * LANES + p] * c + other[3 * LANES + p] * d


@part
def weigh(sums, basis, out):
    """Add ``sum_r b_r sums_r`` to `out`, over the first TILE basis functions."""
    for p in range(LANES):
        out[p] += (
            basis[p] * sums[p]
            + basis[LANES + p] * sums[LANES + p]
            + basis[2 * LANES + p] * sums[2 * LANES + p]
            + basis[3 * LANES + p] * sums[3 * LANES + p]
        )


@part
def weigh_slopes(sums, quarter, k, out):
    """Add ``sum_r b'_r sums_r`` to `out`, over the first TILE basis functions and their wavenumbers `k`."""
    k0, k1, k2, k3 = k[0], k[1], k[2], k[3]
    for p in range(LANES):
        out[p] += (
            k0 * quarter[p] * sums[p]
            + k1 * quarter[LANES + p] * sums[LANES + p]
            + k2 * quarter[2 * LANES + p] * sums[2 * LANES + p]
            + k3 * quarter[3 * LANES + p] * sums[3 * LANES + p]
        )


@part
def spread(values, basis, sums):
    """Set TILE rows of `sums` to ``values b_r``, the transpose of `weigh`."""
    for r in range(TILE):
        o = r * LANES
        for p in range(LANES):
            sums[o + p] = values[p] * basis[o + p]


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
