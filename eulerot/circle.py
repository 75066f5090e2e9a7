"""Angles of period ``2 pi``: the one way to bring them into range, and the optimal coupling of a single angle."""

from __future__ import annotations

import numpy as np

from eulerot._types import FloatArray

__all__ = ["circular_cost", "wrapped"]


def wrapped(angles: FloatArray) -> FloatArray:
    """Return angles in ``[-pi, pi)``; of a difference of two, the shortest way round.

    Examples
    --------
    >>> wrapped(np.array([3.5, -7.0])).round(4)
    array([-2.7832, -0.7168])
    """
    return np.remainder(angles + np.pi, 2 * np.pi) - np.pi


def circular_cost(source: FloatArray, target: FloatArray) -> float:
    """Return the least cost of coupling two samples of one angle, the optimum over all rotations of sorted samples."""
    n, turn = len(source), 2 * np.pi
    a, b = np.sort(np.remainder(source, turn)), np.sort(np.remainder(target, turn))
    # sorted angles go to sorted angles, some places on: unrolled, b goes on for ever; the cost is convex in the place
    unrolled = np.concatenate([b - turn, b, b + turn])

    def cost(place: int) -> float:
        return float(np.mean((unrolled[place : place + n] - a) ** 2))

    low, high = 0, 2 * n
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if cost(middle) <= cost(middle + 1) else (middle + 1, high)
    return cost(low)
