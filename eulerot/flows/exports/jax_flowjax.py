"""Twins of flowjax flows."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import paramax
from flowjax.bijections import AbstractBijection, Chain, Invert
from flowjax.distributions import Transformed

from eulerot.flows.adapters.jax_models import FlowjaxModel
from eulerot.flows.exports.jax_base import Units

__all__ = ["FlowjaxTwin", "flowjax_twin"]


class FlowjaxTwin(Transformed):
    """The rearranged twin of a flow as a ``Transformed``, with the maps `forward` and `inverse` of rows."""

    def forward(self, y: Any) -> jax.Array:
        """Return the data of values of the base, shape ``(n, d)``."""
        return jax.vmap(paramax.unwrap(self.bijection).transform)(jnp.asarray(y))

    def inverse(self, x: Any) -> jax.Array:
        """Return the values of the base of data, shape ``(n, d)``."""
        return jax.vmap(paramax.unwrap(self.bijection).inverse)(jnp.asarray(x))


def flowjax_twin(reader: FlowjaxModel, model: Any, s: AbstractBijection, units: Units | None) -> FlowjaxTwin:
    """Return the twin of a flowjax model, of its own bijections.

    Parameters
    ----------
    reader : FlowjaxModel
        What was read of it.
    model : object
        The model as it was given, whose parameters are still wrapped as they are trained.
    s : AbstractBijection
        The map of latents.
    units : Units or None
        The units of the base, if it is not the source itself.
    """
    bijections, law = [], model
    for _ in range(reader.depth + 1):
        bijections.append(law.bijection)
        law = law.base_dist
    if reader.condition is not None:
        bijections = [
            _Given(bijection, paramax.non_trainable(jnp.asarray(reader.condition))) for bijection in bijections
        ]
    back: list[AbstractBijection] = [Invert(s)]
    if units is not None:
        change = _Change(units, s.shape)
        back = [Invert(change), Invert(s), change]
    return FlowjaxTwin(law, Chain([*back, *reversed(bijections)]))


class _Change(AbstractBijection):
    """A change of units as a bijection."""

    units: Units = eqx.field(static=True)
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: None = eqx.field(static=True, default=None)

    def transform_and_log_det(self, x: Any, condition: Any = None) -> tuple[jax.Array, jax.Array]:
        return self.units.values(x), self.units.log_det(x)

    def inverse_and_log_det(self, y: Any, condition: Any = None) -> tuple[jax.Array, jax.Array]:
        latents = self.units.latents(y)
        return latents, -self.units.log_det(latents)


class _Given(AbstractBijection):
    """A conditional bijection with its condition."""

    bijection: Any
    condition: Any
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: None = eqx.field(static=True, default=None)

    def __init__(self, bijection: Any, condition: Any) -> None:
        self.bijection, self.condition = bijection, condition
        self.shape, self.cond_shape = paramax.unwrap(bijection).shape, None

    def transform_and_log_det(self, x: Any, condition: Any = None) -> tuple[jax.Array, jax.Array]:
        return self.bijection.transform_and_log_det(x, self.condition)

    def inverse_and_log_det(self, y: Any, condition: Any = None) -> tuple[jax.Array, jax.Array]:
        return self.bijection.inverse_and_log_det(y, self.condition)
