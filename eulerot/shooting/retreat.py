"""Send a line search back from where its function has no value: from fields that are too fast for their steps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from eulerot._types import FloatArray

__all__ = ["Function", "Retreat"]

# From the unknowns to a value, infinite where there is none, and a gradient
Function = Callable[[FloatArray], tuple[float, FloatArray]]


class Retreat:
    """A function as an optimiser is to see it: where it is infinite, a line search goes half way back.

    There it has the value of where the line search began, and the slope along the way from there, upwards. A cubic, and
    a parabola, through both ends has its minimum in the middle. A large value instead would send the search to where it
    began, and a NaN would end it.

    Examples
    --------
    >>> function = Retreat(lambda x: (float(x[0] ** 2), 2 * x) if x[0] < 3 else (np.inf, 0 * x))
    >>> function(np.array([2.0])), function(np.array([4.0]))
    ((4.0, array([4.])), (4.0, array([4.])))
    """

    def __init__(self, function: Function) -> None:
        self._function = function
        self._origin: tuple[FloatArray, float, FloatArray] | None = None

    def __call__(self, theta: FloatArray) -> tuple[float, FloatArray]:
        """Return the value, finite, and the gradient."""
        value, gradient = self._function(theta)
        if np.isfinite(value):
            self._latest = theta.copy(), value, gradient
            self._origin = self._origin or self._latest
            return value, gradient
        if self._origin is None:  # nothing is known yet but that there is a value at zero
            return 1e6 * (1.0 + float(theta @ theta)), 2e6 * theta
        start, value, gradient = self._origin
        way = theta - start
        return value, abs(gradient @ way) / (way @ way) * way

    def accept(self) -> None:
        """Say that the optimiser has accepted the last finite value: its next line search begins there."""
        self._origin = self._latest
