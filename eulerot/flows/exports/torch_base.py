"""A map of latents in the units of a model's base, so that the base of a twin stays that of the model."""

from __future__ import annotations

import math

import numpy as np
import torch

from eulerot.flows.adapters.bases import NormalBase, UniformBase
from eulerot.rearrangement.exports.torch_transform import LatentTransform

__all__ = ["in_units_of"]


def in_units_of(base: NormalBase | UniformBase, s: LatentTransform, *, angles: bool = False) -> LatentTransform:
    """Return the map ``A o s o A^-1`` that preserves a base as `s` preserves the source, which ``A`` makes it of.

    Parameters
    ----------
    base : NormalBase or UniformBase
        The base.
    s : LatentTransform
        The map of standard normal latents, or of angles.
    angles : bool
        Whether `s` is a map of angles; the base is a box of side ``2 pi``.
    """
    if angles:
        assert isinstance(base, UniformBase)
        return _OfAngles(s, base.low)
    if isinstance(base, UniformBase):
        return _OfBox(s, base.low, base.high)
    return s if base.is_standard else _OfNormal(s, base.mean, base.factor)


class _InUnits(LatentTransform):
    """A map of latents between a change of units and its inverse, computed in double precision."""

    def __init__(self, s: LatentTransform, *constants: np.ndarray, inverted: bool = False) -> None:
        super().__init__(s.dim, inverted=inverted)
        self.s = s
        for name, value in zip(self.names, constants, strict=True):
            self.register_buffer(name, torch.tensor(value, dtype=torch.float64))

    names: tuple[str, ...] = ()

    def log_abs_det_jacobian(self, z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Return the logarithm of the factor by which the map changes volume, shape ``(...)``."""
        s, before, after = self.s.inv if self.inverted else self.s, self._latents(z), self._latents(y)
        return (s.log_abs_det_jacobian(before, after) + self._stretch(after) - self._stretch(before)).to(z.dtype)

    def _turned(self) -> LatentTransform:
        other = type(self)(self.s, *(getattr(self, name).cpu().numpy() for name in self.names))
        other.inverted = not self.inverted
        return other.to(getattr(self, self.names[0]).device)

    def _moved(self, z: torch.Tensor, inverted: bool) -> torch.Tensor:
        latents = self._latents(z)
        return self._units((self.s.inv if inverted else self.s)(latents)).to(z.dtype)

    def _latents(self, values: torch.Tensor) -> torch.Tensor:
        """Return the latents of values of the base."""
        raise NotImplementedError

    def _units(self, latents: torch.Tensor) -> torch.Tensor:
        """Return the values of the base of latents."""
        raise NotImplementedError

    def _stretch(self, latents: torch.Tensor) -> torch.Tensor | float:
        """Return the log-determinant of `_units`, but for a constant."""
        return 0.0


class _OfNormal(_InUnits):
    """For a normal base, ``b = mean + factor u``."""

    names = "mean", "factor"
    mean: torch.Tensor
    factor: torch.Tensor

    def _latents(self, values: torch.Tensor) -> torch.Tensor:
        return torch.linalg.solve(self.factor.double(), (values.double() - self.mean)[..., None])[..., 0]

    def _units(self, latents: torch.Tensor) -> torch.Tensor:
        return self.mean + latents @ self.factor.double().T


class _OfBox(_InUnits):
    """For a uniform base on a box, ``b = low + (high - low) Phi(u)``, from the nearer wall."""

    names = "low", "high"
    low: torch.Tensor
    high: torch.Tensor

    def _latents(self, values: torch.Tensor) -> torch.Tensor:
        low, high = self.low.double(), self.high.double()
        below, above = (gap / (high - low) for gap in (values.double() - low, high - values.double()))
        near = torch.special.ndtri(torch.minimum(below, above).clamp(2.0**-53, 0.5))
        return torch.where(below < above, near, -near)

    def _units(self, latents: torch.Tensor) -> torch.Tensor:
        low, high = self.low.double(), self.high.double()
        gap = (high - low) * torch.special.ndtr(-latents.abs())
        return torch.where(latents < 0, low + gap, high - gap)

    def _stretch(self, latents: torch.Tensor) -> torch.Tensor:
        return -0.5 * (latents * latents).sum(-1)


class _OfAngles(_InUnits):
    """For a uniform base on a box of side ``2 pi``, whose values are angles from its middle."""

    names = ("low",)
    low: torch.Tensor

    def _latents(self, values: torch.Tensor) -> torch.Tensor:
        return torch.remainder(values.double() - self.low, 2 * math.pi) - math.pi

    def _units(self, latents: torch.Tensor) -> torch.Tensor:
        return latents + math.pi + self.low
