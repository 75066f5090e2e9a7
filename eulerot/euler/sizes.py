"""What the points and the lengths of a grid must be."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from eulerot.checks import checked_number

__all__ = ["checked_lengths", "checked_points"]


def checked_points(points: object) -> tuple[int, ...]:
    """Return two or three whole numbers; numbers of points are of a whole type, as indices are."""
    try:
        sizes = np.atleast_1d(np.asarray(points))
    except ValueError:  # rows of different lengths
        sizes = np.empty(0)
    if sizes.ndim != 1 or len(sizes) not in (2, 3) or sizes.dtype.kind not in "iu" or np.ma.is_masked(points):
        raise ValueError(
            f"points: expected two or three whole numbers of points; got {points!r}. Pass (n, n) or (n, n, n)."
        )
    return tuple(sizes.tolist())


def checked_lengths(lengths: Iterable[float], dim: int) -> tuple[float, ...]:
    """Return positive lengths, whose wavenumbers have squares that are finite."""
    try:
        numbers = tuple(checked_number("lengths", each, holds=lambda length: 1e-50 < length < 1e50) for each in lengths)
    except (TypeError, ValueError):
        numbers = ()
    if len(numbers) != dim:
        raise ValueError(f"lengths: expected {dim} positive lengths; got {lengths!r}. Pass one an axis, 1e-50 to 1e50.")
    return numbers
