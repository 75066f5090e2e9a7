"""Jacobians by central differences, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from eulerot._types import FloatArray

__all__ = ["jacobians", "log_abs_det", "points_a_block"]

# A function is called on no more numbers than these at a time, 64 MB of them
_NUMBERS = 2**23


def points_a_block(dim: int, rows: int) -> int:
    """Return for how many points a function of `dim` dimensions may be called at once, on so many rows for each.

    Examples
    --------
    >>> points_a_block(10, 20), points_a_block(784, 2 * 784)
    (41943, 6)
    """
    return max(1, _NUMBERS // (dim * rows))


def jacobians(function: Callable[[FloatArray], FloatArray], points: FloatArray, step: float) -> FloatArray:
    """Return ``D function`` at rows of points, shape ``(n, d, d)``, from one call on ``2 d n`` rows.

    Examples
    --------
    >>> jacobians(lambda x: x @ np.array([[2.0, 0.0], [1.0, 3.0]]).T, np.zeros((1, 2)), 0.5)
    array([[[2., 0.],
            [1., 3.]]])
    """
    n, dim = points.shape
    shifts = step * np.eye(dim)[:, None]
    ends = np.concatenate([points + shifts, points - shifts]).reshape(-1, dim)
    ahead, behind = np.asarray(function(ends), dtype=float).reshape(2, dim, n, dim)
    return np.moveaxis(ahead - behind, 0, -1) / (2 * step)


def log_abs_det(function: Callable[[FloatArray], FloatArray], points: FloatArray, step: float) -> FloatArray:
    """Return ``log |det D function|`` at rows of points, shape ``(n,)``; the function is called on blocks of points.

    Examples
    --------
    >>> float(log_abs_det(lambda x: 2 * x, np.zeros((1, 3)), 0.5)[0] / np.log(2))
    3.0
    """
    n, dim = points.shape
    block = points_a_block(dim, 2 * dim)
    blocks = (points[i : i + block] for i in range(0, n, block))
    return np.concatenate([np.linalg.slogdet(jacobians(function, each, step))[1] for each in blocks])
