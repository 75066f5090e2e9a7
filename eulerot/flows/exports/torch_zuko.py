"""Twins of zuko flows, and of the zuko flows of sbi."""

from __future__ import annotations

import torch
from zuko.distributions import NormalizingFlow
from zuko.transforms import ComposedTransform

from eulerot.flows.adapters.torch_laws import TorchLaw
from eulerot.flows.exports.torch_distributions import LawTransform
from eulerot.rearrangement.exports.torch_transform import LatentTransform

__all__ = ["ZukoTwin", "zuko_twin"]


class ZukoTwin(NormalizingFlow):
    """The rearranged twin of a flow as a ``NormalizingFlow``, with the maps `forward` and `inverse`."""

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        """Return the data of values of the base."""
        return self.transform.inv(y)

    def inverse(self, x: torch.Tensor) -> torch.Tensor:
        """Return the values of the base of data."""
        return self.transform(x)


def zuko_twin(law: TorchLaw, s: LatentTransform) -> ZukoTwin:
    """Return the twin of a zuko flow; it follows the parameters of a lazy one."""
    return ZukoTwin(ComposedTransform(LawTransform(law, inverted=True), s), law.unnested()[1])
