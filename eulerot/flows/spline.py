"""Neural spline flows evaluated in NumPy: autoregressive transforms of rational-quadratic splines.

Durkan, Bekasov, Murray, Papamakarios, "Neural spline flows", 2019, arXiv:1906.04032. The parametrisation of the
splines is the one of zuko 1.6, whose trained weights are read: softmax widths and heights and exponential slopes,
all squeezed so that no slope is below `SMALLEST_SLOPE`, and the identity outside ``[-BOUND, BOUND]``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike

from eulerot._types import FloatArray, Seed
from eulerot.checks import checked_samples

__all__ = ["SplineFlow", "SplineTransform"]

BOUND = 5.0
SMALLEST_SLOPE = 1e-3


@dataclass(frozen=True)
class _Splines:
    """One increasing rational-quadratic spline for each value: knots and slopes, of shape ``(..., bins + 1)`` each."""

    x: FloatArray
    y: FloatArray
    slopes: FloatArray

    @classmethod
    def from_parameters(cls, parameters: FloatArray) -> _Splines:
        """Return the splines of unconstrained parameters, ``3 bins - 1`` for each value."""
        bins = (parameters.shape[-1] + 1) // 3
        widths, heights, slopes = np.split(parameters, [bins, 2 * bins], axis=-1)
        limit = math.log(SMALLEST_SLOPE)
        ends = [(0, 0)] * (parameters.ndim - 1) + [(1, 1)]
        return cls(
            cls._knots(widths / (1 + np.abs(2 * widths / limit))),
            cls._knots(heights / (1 + np.abs(2 * heights / limit))),
            np.exp(np.pad(slopes / (1 + np.abs(slopes / limit)), ends)),
        )

    @staticmethod
    def _knots(logits: FloatArray) -> FloatArray:
        shares = np.cumsum(scipy.special.softmax(logits, axis=-1), axis=-1)
        return BOUND * (2 * np.concatenate([np.zeros_like(shares[..., :1]), shares], axis=-1) - 1)

    def _bin(self, knots: FloatArray, values: FloatArray) -> tuple[FloatArray, ...]:
        """Return the left knot, width, height and end slopes of the bin in which each value lies."""
        number = np.sum(knots[..., 1:-1] < values[..., None], axis=-1)[..., None]

        def at(array: FloatArray, offset: int) -> FloatArray:
            return np.take_along_axis(array, number + offset, axis=-1)[..., 0]

        x0, y0 = at(self.x, 0), at(self.y, 0)
        return x0, y0, at(self.x, 1) - x0, at(self.y, 1) - y0, at(self.slopes, 0), at(self.slopes, 1)

    def forward(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the values of the splines and the logarithms of their derivatives."""
        x0, y0, width, height, d0, d1 = self._bin(self.x, x)
        inside = np.abs(x) < BOUND
        t = np.where(inside, (x - x0) / width, 0.5)
        mean = height / width
        bump = t * (1 - t)
        below = mean + (d0 + d1 - 2 * mean) * bump
        y = y0 + height * (mean * t**2 + d0 * bump) / below
        derivative = mean**2 * (2 * mean * bump + d0 * (1 - t) ** 2 + d1 * t**2) / below**2
        return np.where(inside, y, x), np.where(inside, np.log(derivative), 0.0)

    def inverse(self, y: FloatArray) -> FloatArray:
        """Solve ``forward(x) = y``, a quadratic equation, by the formula that loses no digits to cancellation."""
        x0, y0, width, height, d0, d1 = self._bin(self.y, y)
        inside = np.abs(y) < BOUND
        mean = height / width
        rise = np.where(inside, y - y0, 0.0)
        a = height * (mean - d0) + rise * (d0 + d1 - 2 * mean)
        b = height * d0 - rise * (d0 + d1 - 2 * mean)
        c = -mean * rise
        t = 2 * c / (-b - np.sqrt(b**2 - 4 * a * c))
        return np.where(inside, x0 + t * width, y)


@dataclass(frozen=True)
class SplineTransform:
    """An autoregressive transform: each coordinate's spline depends on the coordinates before it in a fixed order.

    Parameters
    ----------
    layers : sequence of (ndarray, ndarray)
        Weights, shape ``(out, in)``, and biases of the network. Masked weights are zero.
    """

    layers: Sequence[tuple[FloatArray, FloatArray]]

    def _splines(self, x: FloatArray) -> _Splines:
        hidden = x
        for weight, bias in self.layers[:-1]:
            hidden = hidden @ weight.T + bias
            hidden = hidden * scipy.special.expit(hidden)
        weight, bias = self.layers[-1]
        return _Splines.from_parameters((hidden @ weight.T + bias).reshape(*x.shape, -1))

    def forward(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the transform of data and its ``log |det|``."""
        y, log_derivative = self._splines(x).forward(x)
        return y, np.sum(log_derivative, axis=-1)

    def inverse(self, y: FloatArray) -> FloatArray:
        """Return the inverse. Each pass solves for the next coordinate in the order, so that ``dim`` passes do."""
        x = np.zeros_like(y)
        for _ in range(y.shape[-1]):
            x = self._splines(x).inverse(y)
        return x


@dataclass(frozen=True)
class SplineFlow:
    """A trained neural spline flow.

    Parameters
    ----------
    name : str
        The data on which it was trained.
    dim : int
        The dimension.
    transforms : sequence of SplineTransform
        The transforms from the data to the latent space, in the order of application.
    nll : float
        The negative log-likelihood of held-out samples, in nats.
    """

    name: str
    dim: int
    transforms: Sequence[SplineTransform]
    nll: float

    def forward(self, z: ArrayLike) -> FloatArray:
        """Return the data of latents, shape ``(n, dim)``."""
        x = checked_samples("z", z, dim=self.dim)
        for transform in reversed(self.transforms):
            x = transform.inverse(x)
        return x

    def inverse(self, x: ArrayLike) -> FloatArray:
        """Return the latents of data, shape ``(n, dim)``."""
        return self._latents(x)[0]

    def log_prob(self, x: ArrayLike) -> FloatArray:
        """Return the log density of data, shape ``(n,)``."""
        z, log_det = self._latents(x)
        return log_det - 0.5 * np.sum(z**2, axis=1) - 0.5 * self.dim * math.log(2 * math.pi)

    def sample(self, n: int, seed: Seed = None) -> FloatArray:
        """Return `n` samples; `seed` is what `numpy.random.default_rng` takes."""
        return self.forward(np.random.default_rng(seed).standard_normal((n, self.dim)))

    def _latents(self, x: ArrayLike) -> tuple[FloatArray, FloatArray]:
        z = checked_samples("x", x, dim=self.dim)
        log_det = np.zeros(len(z))
        for transform in self.transforms:
            z, gained = transform.forward(z)
            log_det += gained
        return z, log_det
