"""Jacobians by central differences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from eulerot._types import FloatArray

__all__ = ["jacobians", "log_abs_det"]


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
    """Return ``log |det D function|`` at rows of points, shape ``(n,)``."""
    return np.linalg.slogdet(jacobians(function, points, step))[1]
