"""Twins of distrax flows, and of those of tfp."""

from __future__ import annotations

import distrax
import jax

from eulerot.flows.adapters.jax_models import DistraxModel
from eulerot.flows.exports.jax_base import Units

__all__ = ["DistraxTwin", "distrax_twin"]


class DistraxTwin(distrax.Transformed):
    """The rearranged twin of a flow as a ``Transformed``, with the maps `forward` and `inverse`."""

    def forward(self, y: jax.Array) -> jax.Array:
        """Return the data of values of the base."""
        return self.bijector.forward(y)

    def inverse(self, x: jax.Array) -> jax.Array:
        """Return the values of the base of data."""
        return self.bijector.inverse(x)


def distrax_twin(reader: DistraxModel, s: distrax.Bijector, units: Units | None) -> DistraxTwin:
    """Return the twin of a distrax or tfp model, of its own bijectors."""
    found, base = reader.unnested()
    bijectors, base = [distrax.as_bijector(each) for each in found], distrax.as_distribution(base)
    # what was one law for each coordinate, with Independent around it
    bijectors = [distrax.Block(each, 1) if each.event_ndims_in == 0 else each for each in bijectors]
    base = distrax.Independent(base, 1) if base.event_shape == () else base
    back = [distrax.Inverse(s)]
    if units is not None:
        change = _Change(units)
        back = [change, distrax.Inverse(s), distrax.Inverse(change)]
    return DistraxTwin(base, distrax.Chain([*bijectors, *back]))


class _Change(distrax.Bijector):
    """A change of units as a bijector."""

    def __init__(self, units: Units) -> None:
        super().__init__(event_ndims_in=1)
        self.units = units

    def forward_and_log_det(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        return self.units.values(x), self.units.log_det(x)

    def inverse_and_log_det(self, y: jax.Array) -> tuple[jax.Array, jax.Array]:
        latents = self.units.latents(y)
        return latents, -self.units.log_det(latents)
