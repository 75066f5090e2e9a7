"""Numba loops that the plane and space share: where a block of particles is, and the factors of its velocity.

Particles travel in blocks of LANES. All arrays are of rows of LANES, a constant, because only then can the compiler
prove that the inner loops do not overlap, and turn them into vector instructions. A row is given by its number: a view
of it would count references, a tenth of a velocity's time in all, and a slice takes long to compile.

The table of a block has five rows of LANES numbers for each axis: the factor S of the axis and its derivative C (sine
and cosine in the box, one and zero on the torus), S times the cells that an angle of one holds, the cell of the
interpolant, and the place in it over LAST.
"""

from __future__ import annotations

import math

import numpy as np

from eulerot._compiled import inlined
from eulerot.euler.particles._kernels_splines import LAST

LANES = 128
ROWS = 5
# Products may be fused with sums; nothing is reordered
FUSE = {"contract", "nsz"}
part = inlined(fastmath=FUSE)
_TWO_PI = 2.0 * math.pi


@part
def aligned(size):
    """Return room for so many numbers that begins where a line of memory does: no row of eight then lies in two."""
    room = np.empty(size + 8)
    return room[-(room.ctypes.data // 8) % 8 :]


@part
def _sine_cosine(position, axis, table, row):
    """Fill two rows with sines and cosines of signed wall distances: Taylor series at a quarter, doubled twice.

    Sines keep their relative accuracy at small angles. Series, because the library's sine is not vectorised.
    """
    for p in range(LANES):
        t = 0.25 * position[axis, p]
        q = t * t
        s = q * (1 / 6227020800 + q * (-1 / 1307674368000 + q / 355687428096000))
        s = q * (-1 / 5040 + q * (1 / 362880 + q * (-1 / 39916800 + s)))
        s = t * (1 + q * (-1 / 6 + q * (1 / 120 + s)))
        s2 = 2 * s * math.sqrt(1 - s * s)  # |t| <= pi/4, so the cosine is at least 0.7 and loses nothing
        c2 = 1 - 2 * s * s
        sign = 1.0
        if position[axis, p] < 0:  # measured from the wall at pi: both change sign
            sign = -1.0
        table[row, p], table[row + 1, p] = sign * 2 * s2 * c2, sign * (1 - 2 * s2 * s2)


@part
def _locate(position, axis, side, intervals, table, row):
    """Fill rows with the cells that hold the positions, and the places in them in [0, 1], over LAST."""
    for p in range(LANES):
        x = position[axis, p]
        if x < 0 or x > side:
            x -= side * np.floor(x / side)  # a signed distance from the wall at pi, too
        s = x * (intervals / side)
        cell = 0.0
        if 0.0 < s < intervals:  # not so for what is not a number, which then shows in its place
            cell = np.floor(s)
        elif s >= intervals:
            cell = intervals - 1.0
        table[row, p], table[row + 1, p] = cell, (s - cell) * (1.0 / LAST)


@part
def tabulate(position, walls, axis, size, table):
    """Fill the rows of an axis, along which the interpolant has `size` coefficients."""
    first, intervals, rate = ROWS * axis, float(size - LAST), per_angle(size, walls)
    if walls:
        _sine_cosine(position, axis, table, first)
    else:
        for p in range(LANES):
            table[first, p], table[first + 1, p] = 1.0, 0.0
    _locate(position, axis, math.pi if walls else _TWO_PI, intervals, table, first + 3)
    for p in range(LANES):
        table[first + 2, p] = rate * table[first, p]


@part
def per_angle(size, walls):
    """Return the cells that an angle of one holds along an axis."""
    return float(size - LAST) / (math.pi if walls else _TWO_PI)
