"""Twins of normflows models."""

from __future__ import annotations

from typing import Any

import torch
from normflows import NormalizingFlow
from normflows.flows.base import Flow

from eulerot.flows.adapters.torch_modules import NormflowsModel
from eulerot.rearrangement.exports.torch_transform import LatentTransform

__all__ = ["NormflowsTwin", "normflows_twin"]


class NormflowsTwin(NormalizingFlow):
    """The rearranged twin of a model as a ``NormalizingFlow``, with `rsample`; `forward` and `inverse` are its maps."""

    def rsample(self, num_samples: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
        """Return samples and their log density, with gradients to the parameters; as `sample` does."""
        return self.sample(num_samples)


def normflows_twin(reader: NormflowsModel, s: LatentTransform) -> NormflowsTwin:
    """Return the twin of a normflows model, of its own base and layers."""
    models = reader.models()
    base, layers = models[-1].q0, [layer for model in reversed(models) for layer in model.flows]
    if reader.context is not None:
        base, layers = _GivenBase(base, reader), [_GivenLayer(layer, reader) for layer in layers]
    return NormflowsTwin(base, [_MapLayer(s), *layers])


class _MapLayer(Flow):
    """The inverse of a map of latents as a layer of normflows, the first one on the way to the data."""

    def __init__(self, s: LatentTransform) -> None:
        super().__init__()
        self.s = s

    def forward(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        moved = self.s.inv(z)
        return moved, self.s.inv.log_abs_det_jacobian(z, moved)

    def inverse(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        moved = self.s(z)
        return moved, self.s.log_abs_det_jacobian(z, moved)


class _GivenLayer(Flow):
    """A layer of a conditional model, with its context."""

    def __init__(self, layer: Any, reader: NormflowsModel) -> None:
        super().__init__()
        self.layer, self._reader = layer, reader

    def forward(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.layer(z, **self._reader.rows(len(z)))

    def inverse(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.layer.inverse(z, **self._reader.rows(len(z)))


class _GivenBase(torch.nn.Module):
    """The base of a conditional model, with its context."""

    def __init__(self, base: Any, reader: NormflowsModel) -> None:
        super().__init__()
        self.base, self._reader = base, reader

    def forward(self, num_samples: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
        return self.base(num_samples, **self._reader.rows(num_samples))

    def log_prob(self, z: torch.Tensor) -> torch.Tensor:
        return self.base.log_prob(z, **self._reader.rows(len(z)))
