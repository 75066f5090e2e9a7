"""Twins of pyro flows."""

from __future__ import annotations

from pyro.distributions import TransformedDistribution

from eulerot.flows.exports.torch_distributions import TorchTwin

__all__ = ["PyroTwin"]


class PyroTwin(TransformedDistribution):
    """The rearranged twin of a flow as a distribution of pyro, with the maps `forward` and `inverse`."""

    forward, inverse = TorchTwin.forward, TorchTwin.inverse
