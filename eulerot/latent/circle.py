"""Angles of period ``2 pi``: how they are brought into range, their differences, and the optimal coupling of one."""

from __future__ import annotations

import numpy as np

from eulerot._types import FloatArray
from eulerot.checks import DOMAINS, checked_choice

__all__ = ["circular_cost", "shortest", "wrapped"]


def wrapped(angles: FloatArray) -> FloatArray:
    """Return angles in ``[-pi, pi)``; of a difference of two, the shortest way round.

    Examples
    --------
    >>> wrapped(np.array([3.5, -7.0])).round(4)
    array([-2.7832, -0.7168])
    """
    return np.remainder(angles + np.pi, 2 * np.pi) - np.pi


def shortest(difference: FloatArray, domain: str = "cube") -> FloatArray:
    """Return differences of samples; on the torus those of angles, the shortest way round, in ``[-pi, pi)``.

    Examples
    --------
    >>> shortest(np.array([3.5, -7.0]), "torus").round(4)
    array([-2.7832, -0.7168])
    """
    return difference if checked_choice("domain", domain, DOMAINS) == "cube" else wrapped(difference)


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
