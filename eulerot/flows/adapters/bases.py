"""Make the base of a flow standard normal: Gaussian bases and uniform boxes, told by behaviour, not by class."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy

from eulerot._types import FloatArray
from eulerot.errors import SourceError
from eulerot.latent.source import log_normal

__all__ = ["NormalBase", "UniformBase", "standardised"]

ENOUGH = 8  # points of equal density that make it worth looking for a box
LogProb = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class NormalBase:
    """``N(mean, factor factor^T)``, made standard by ``b = mean + factor u``."""

    mean: FloatArray
    factor: FloatArray

    @classmethod
    def standard(cls, dim: int) -> NormalBase:
        """Return the standard normal."""
        return cls(np.zeros(dim), np.eye(dim))

    @property
    def is_standard(self) -> bool:
        """Whether the base is the standard normal already."""
        return not self.mean.any() and np.array_equal(self.factor, np.eye(len(self.mean)))

    def __str__(self) -> str:
        if self.is_standard:
            return "standard normal base"
        spread = np.sqrt(np.sum(self.factor**2, axis=1))
        return f"normal base of mean {self.mean} and standard deviations {spread}, standardised"

    def from_normal(self, u: FloatArray) -> FloatArray:
        """Return values of the base for standard normal ones."""
        return u if self.is_standard else self.mean + u @ self.factor.T

    def to_normal(self, b: FloatArray) -> FloatArray:
        """Return standard normal values for those of the base."""
        return b if self.is_standard else np.linalg.solve(self.factor, (b - self.mean).T).T


@dataclass(frozen=True)
class UniformBase:
    """The uniform law on a box, made standard normal by ``b = low + (high - low) Phi(u)``."""

    low: FloatArray
    high: FloatArray

    def __str__(self) -> str:
        return f"uniform base on the box {self.low} to {self.high}, standardised"

    def from_normal(self, u: FloatArray) -> FloatArray:
        """Return values of the base for standard normal ones, measured from the nearer wall."""
        return np.where(
            u < 0, self.low + self._width * scipy.special.ndtr(u), self.high - self._width * scipy.special.ndtr(-u)
        )

    def to_normal(self, b: FloatArray) -> FloatArray:
        """Return standard normal values for those of the base; values at a wall become large, not infinite."""
        below, above = ((gap / self._width).clip(2.0**-53, 1.0) for gap in (b - self.low, self.high - b))
        return np.where(below < above, scipy.special.ndtri(below), -scipy.special.ndtri(above))

    @property
    def _width(self) -> FloatArray:
        return self.high - self.low


def standardised(log_prob: LogProb, samples: FloatArray, *, precision: float) -> NormalBase | UniformBase:
    """Return the base whose log density and samples are given.

    Parameters
    ----------
    log_prob : callable
        The log density of rows; it may raise `ValueError` or return minus infinity outside its support.
    samples : ndarray, shape (n, d)
        Samples of the base, or guesses of where it may be.
    precision : float
        The rounding unit of what computes the density.

    Raises
    ------
    SourceError
        If the base is neither normal nor uniform on a box, with the statistic that shows it.

    Examples
    --------
    >>> samples = np.random.default_rng(0).normal(2.0, 3.0, (64, 1))
    >>> base = standardised(lambda b: log_normal((b - 2.0) / 3.0) - np.log(3.0), samples, precision=1e-16)
    >>> print(base)
    normal base of mean [2.] and standard deviations [3.], standardised
    """
    dim = samples.shape[1]
    allowed = max(1e-6, 1e3 * precision * dim)
    here = np.asarray(log_prob(samples), dtype=float)
    inside = np.isfinite(here)  # guesses may lie outside of the support
    if inside.sum() >= ENOUGH and np.ptp(here[inside]) < allowed:
        return _uniform(log_prob, samples[inside], here[inside], precision)
    probes = np.random.default_rng(0).standard_normal((64, dim))
    if np.abs(_safe(log_prob, probes) - log_normal(probes)).max() < allowed:
        return NormalBase.standard(dim)
    base, gap = NormalBase(samples.mean(axis=0), np.diag(samples.std(axis=0))), np.inf
    for _ in range(2):  # the second time in coordinates that the first has made nearly standard
        base = _quadratic(log_prob, base)
        scale = np.linalg.slogdet(base.factor)[1]
        gap = np.abs(_safe(log_prob, base.from_normal(probes)) + scale - log_normal(probes)).max()
    if not gap < 10 * allowed:
        near = f"differs from that of the nearest normal law by {gap:.3g}"
        raise SourceError(
            "flow: expected a base that is normal or uniform on a box; the log density of its base "
            f"{near if np.isfinite(gap) else 'is not finite everywhere'}. Its rearrangement would not preserve the "
            "density: train the flow on a Gaussian base, or pass maps of the standard normal to "
            "eulerot.flow(forward=, inverse=, ...)."
        )
    return base


def _safe(log_prob: LogProb, points: FloatArray) -> FloatArray:
    """Return log densities, minus infinity where the base refuses the points."""
    try:
        return np.asarray(log_prob(points), dtype=float)
    except ValueError:
        return np.full(len(points), -np.inf)


def _quadratic(log_prob: LogProb, near: NormalBase) -> NormalBase:
    """Fit a normal law to a quadratic log density, from its values at a few points near a guess."""
    dim = len(near.mean)
    rows, columns = np.triu_indices(dim, 1)
    unit = np.eye(dim)
    stencil = np.concatenate([np.zeros((1, dim)), unit, -unit, unit[rows] + unit[columns]])
    values = _safe(log_prob, near.from_normal(stencil))
    if not np.isfinite(values).all():
        return near
    middle, ahead, behind, mixed = np.split(values, [1, dim + 1, 2 * dim + 1])
    precision = np.diag(2 * middle - ahead - behind)
    precision[rows, columns] = precision[columns, rows] = ahead[rows] + ahead[columns] - mixed - middle
    try:
        factor = np.linalg.inv(np.linalg.cholesky(precision)).T
        product = near.factor @ factor
        lower: FloatArray = np.linalg.cholesky(product @ product.T)
    except np.linalg.LinAlgError:  # not quadratic: the caller finds out
        return near
    mean = factor @ factor.T @ (0.5 * (ahead - behind))
    return NormalBase(near.from_normal(mean[None])[0], lower)


def _uniform(log_prob: LogProb, samples: FloatArray, here: FloatArray, precision: float) -> UniformBase:
    """Find the box of a constant density, its walls by bisection."""
    inside = samples[np.argmin(np.abs(samples - np.median(samples, axis=0)).max(axis=1))]
    dim, walls = len(inside), []
    for direction in (-1.0, 1.0):
        for axis in range(dim):
            near, far = 0.0, 2 * float(np.exp(-here[0] / dim)) + 2 * float(np.ptp(samples[:, axis]))
            for _ in range(64):
                middle = 0.5 * (near + far)
                point = inside + direction * middle * np.eye(dim)[axis]
                near, far = (middle, far) if np.isfinite(_safe(log_prob, point[None]))[0] else (near, middle)
            walls.append(inside[axis] + direction * near)
    low, high = np.array(walls[:dim]), np.array(walls[dim:])
    gap = abs(float(np.sum(np.log(high - low)) + here[0]))
    if not gap < max(1e-6, 1e3 * precision):
        raise SourceError(
            f"flow: expected a base that is normal or uniform on a box; its density is constant, yet the box {low} to "
            f"{high} has a volume that differs from its inverse by a factor of {np.exp(gap):.3g}. Pass maps of the "
            "standard normal to eulerot.flow(forward=, inverse=, ...)."
        )
    return UniformBase(low, high)
