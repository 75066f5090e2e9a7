"""Handle angles of period ``2 pi``: bring them into range, take their differences, and couple samples of one angle."""

from __future__ import annotations

import numpy as np

from eulerot._types import FloatArray
from eulerot.checks import DOMAINS, checked_choice

__all__ = ["circular_cost", "shortest", "wrapped"]


def wrapped(angles: FloatArray) -> FloatArray:
    """Return angles reduced to ``[-pi, pi)``; for a difference of two angles this is the shorter arc between them.

    Examples
    --------
    >>> wrapped(np.array([3.5, -7.0])).round(4)
    array([-2.7832, -0.7168])
    """
    return np.remainder(angles + np.pi, 2 * np.pi) - np.pi


def shortest(difference: FloatArray, domain: str = "cube") -> FloatArray:
    """Return differences of samples; on the torus, where they are angles, along the shorter arc, in ``[-pi, pi)``.

    Examples
    --------
    >>> shortest(np.array([3.5, -7.0]), "torus").round(4)
    array([-2.7832, -0.7168])
    """
    return difference if checked_choice("domain", domain, DOMAINS) == "cube" else wrapped(difference)


def circular_cost(source: FloatArray, target: FloatArray) -> float:
    """Return the least cost of coupling two samples of one angle, over all cyclic shifts of the sorted samples."""
    n, period = len(source), 2 * np.pi
    a, b = np.sort(np.remainder(source, period)), np.sort(np.remainder(target, period))
    # sorted angles go to sorted angles, shifted by some places; the cost is convex in the shift
    unrolled = np.concatenate([b - period, b, b + period])

    def cost(place: int) -> float:
        return float(np.mean((unrolled[place : place + n] - a) ** 2))

    low, high = 0, 2 * n
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if cost(middle) <= cost(middle + 1) else (middle + 1, high)
    return cost(low)
