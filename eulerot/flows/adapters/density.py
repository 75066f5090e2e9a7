"""Log densities that follow from maps and a base, for models that have none of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from eulerot._jacobian import log_abs_det
from eulerot._types import FloatArray
from eulerot.latent.source import log_normal

__all__ = ["DensityOfInverse", "DensityOfLogDet"]

Map = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class DensityOfInverse:
    """The log density ``log N(u(x)) + log |det Du(x)|`` of a map `u` from data to normal latents, by differences."""

    to_normal: Map
    step: float

    def __call__(self, x: FloatArray) -> FloatArray:
        """Return the log density of data."""
        return log_normal(self.to_normal(x)) + log_abs_det(self.to_normal, x, self.step)


@dataclass(frozen=True)
class DensityOfLogDet:
    """The log density ``log p(b) - log |det Df(b)|``, from that of a base and the log-determinants of a map of it."""

    to_base: Map
    base_log_prob: Map
    log_det: Map

    def __call__(self, x: FloatArray) -> FloatArray:
        """Return the log density of data."""
        b = self.to_base(x)
        return self.base_log_prob(b) - self.log_det(b)
