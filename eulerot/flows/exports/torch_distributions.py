"""Twins that are distributions of torch: of torch and pyro flows, and of modules of one's own."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch.distributions import Independent, Normal, TransformedDistribution, constraints
from torch.distributions.transforms import Transform

from eulerot.flows.adapters.torch_laws import TorchLaw
from eulerot.rearrangement.exports.torch_transform import LatentTransform

__all__ = ["LawTransform", "OwnTransform", "TorchTwin", "law_twin", "own_twin"]


class TorchTwin(TransformedDistribution):
    """The rearranged twin of a flow as a ``TransformedDistribution``, with the maps `forward` and `inverse`."""

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        """Return the data of values of the base."""
        for transform in self.transforms:
            y = transform(y)
        return y

    def inverse(self, x: torch.Tensor) -> torch.Tensor:
        """Return the values of the base of data."""
        for transform in reversed(self.transforms):
            x = transform.inv(x)
        return x


def law_twin(law: TorchLaw, s: LatentTransform, kind: type[TransformedDistribution] = TorchTwin) -> Any:
    """Return the twin of a torch or pyro flow, of the transforms of the flow itself, as a distribution of some kind.

    Those of a conditional law are made anew at each call, so that they follow its parameters.
    """
    transforms, base = law.unnested()
    return kind(base, [s.inv, *([LawTransform(law)] if law.conditional else transforms)])


class LawTransform(Transform):
    """The map of a law from its base to the data, or back, made anew at each call.

    Parameters
    ----------
    law : TorchLaw
        The law.
    inverted : bool
        Whether calls take data to the base.
    """

    bijective = True
    domain = codomain = constraints.real_vector

    def __init__(self, law: TorchLaw, *, inverted: bool = False) -> None:
        super().__init__()
        self.law, self.inverted = law, inverted

    @property
    def inv(self) -> LawTransform:
        """The map the other way."""
        return LawTransform(self.law, inverted=not self.inverted)

    def with_cache(self, cache_size: int = 1) -> LawTransform:
        """Return the map as it is: it keeps no cache."""
        return self

    def _call(self, values: torch.Tensor) -> torch.Tensor:
        return (self.law.to_base if self.inverted else self.law.to_data)(values)

    def log_abs_det_jacobian(self, before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
        """Return the log-determinant, shape ``(...)``."""
        return -self.law.log_det(after) if self.inverted else self.law.log_det(before)

    def call_and_ladj(self, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the image and the log-determinant together, as zuko asks for them."""
        transforms, total = self.law.unnested()[0], torch.zeros_like(values[..., 0])
        for transform in [each.inv for each in reversed(transforms)] if self.inverted else transforms:
            values, change = transform.call_and_ladj(values)
            total = total + (change.sum(-1) if change.dim() == values.dim() else change)
        return values, total


class OwnTransform(Transform):
    """The maps of a module of one's own, its log-determinant from its density.

    Parameters
    ----------
    to_data, to_base, log_prob : callable
        The functions of the module, which may return ``(value, log_det)``.
    """

    bijective = True
    domain = codomain = constraints.real_vector

    def __init__(self, to_data: Callable[..., Any], to_base: Callable[..., Any], log_prob: Callable[..., Any]) -> None:
        super().__init__()
        self.to_data, self.to_base, self.log_prob = to_data, to_base, log_prob

    def _call(self, z: torch.Tensor) -> torch.Tensor:
        return _first(self.to_data(z))

    def _inverse(self, x: torch.Tensor) -> torch.Tensor:
        return _first(self.to_base(x))

    def log_abs_det_jacobian(self, z: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Return ``log N(z) - log p(x)``."""
        log_normal = -0.5 * (z * z).sum(-1) - 0.5 * z.shape[-1] * math.log(2 * math.pi)
        return log_normal - self.log_prob(x)


def own_twin(transform: Transform, s: LatentTransform, like: torch.Tensor) -> TorchTwin:
    """Return the twin of a transform of standard normal latents; a tensor tells its dtype and its device."""
    base = Independent(Normal(like.new_zeros(s.dim), like.new_ones(s.dim)), 1)
    return TorchTwin(base, [s.inv, transform])


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, tuple | list) else value
