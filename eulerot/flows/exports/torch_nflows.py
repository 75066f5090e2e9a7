"""Twins of nflows flows, and of the nflows flows of sbi."""

from __future__ import annotations

from typing import Any

import torch
from nflows.distributions.base import Distribution
from nflows.flows.base import Flow
from nflows.transforms.base import CompositeTransform, Transform

from eulerot.flows.adapters.torch_modules import NflowsFlow
from eulerot.rearrangement.exports.torch_transform import LatentTransform

__all__ = ["NflowsTwin", "nflows_twin"]


class NflowsTwin(Flow):
    """The rearranged twin of a flow as a ``Flow``, with `rsample` and the maps `forward` and `inverse`.

    It belongs to one context, and refuses others.
    """

    def sample(self, num_samples: int, context: Any = None, batch_size: int | None = None) -> torch.Tensor:
        """Return samples, with gradients to the parameters."""
        _refuse(context)
        return super().sample(num_samples, None, batch_size)

    def rsample(self, num_samples: int) -> torch.Tensor:
        """Return samples, with gradients to the parameters."""
        return self.sample(num_samples)

    def log_prob(self, inputs: torch.Tensor, context: Any = None) -> torch.Tensor:
        """Return the log density of data."""
        _refuse(context)
        return super().log_prob(inputs)

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        """Return the data of values of the base."""
        return self._transform.inverse(y)[0]

    def inverse(self, x: torch.Tensor) -> torch.Tensor:
        """Return the values of the base of data."""
        return self.transform_to_noise(x)


def nflows_twin(reader: NflowsFlow, s: LatentTransform) -> NflowsTwin:
    """Return the twin of an nflows flow, of its own transforms."""
    transforms = [_ModelTransform(reader)]
    if reader.context is None:
        transforms = [transform for transform, _ in reader.unnested()[0]]
    return NflowsTwin(CompositeTransform([*transforms, _MapTransform(s)]), _Base(reader))


def _refuse(context: Any) -> None:
    if context is not None:
        raise ValueError("context: expected none, for a twin belongs to the one that it was made for. Leave it out.")


class _MapTransform(Transform):
    """A map of latents as a transform of nflows."""

    def __init__(self, s: LatentTransform) -> None:
        super().__init__()
        self.s = s

    def forward(self, inputs: torch.Tensor, context: Any = None) -> tuple[torch.Tensor, torch.Tensor]:
        moved = self.s(inputs)
        return moved, self.s.log_abs_det_jacobian(inputs, moved)

    def inverse(self, inputs: torch.Tensor, context: Any = None) -> tuple[torch.Tensor, torch.Tensor]:
        moved = self.s.inv(inputs)
        return moved, self.s.inv.log_abs_det_jacobian(inputs, moved)


class _ModelTransform(Transform):
    """The transforms of a conditional flow, with its context."""

    def __init__(self, reader: NflowsFlow) -> None:
        super().__init__()
        self.model, self._reader = reader.model, reader

    def forward(self, inputs: torch.Tensor, context: Any = None) -> tuple[torch.Tensor, torch.Tensor]:
        return self._reader.base_and_log_det(inputs)

    def inverse(self, inputs: torch.Tensor, context: Any = None) -> tuple[torch.Tensor, torch.Tensor]:
        return self._reader.data_and_log_det(inputs)


class _Base(Distribution):
    """The base of a flow, also where it is no distribution of nflows; samples have the dtype of the flow."""

    def __init__(self, reader: NflowsFlow) -> None:
        super().__init__()
        self.base, self._reader = reader.unnested()[1], reader

    def _log_prob(self, inputs: torch.Tensor, context: Any) -> torch.Tensor:
        return self._reader.base_log_prob(inputs)

    def _sample(self, num_samples: int, context: Any) -> torch.Tensor:
        model = self._reader.model
        like = next((each for each in model.parameters() if each.is_floating_point()), None)
        drawn = self._reader.base_sample(num_samples)
        return drawn if like is None else drawn.to(like)
