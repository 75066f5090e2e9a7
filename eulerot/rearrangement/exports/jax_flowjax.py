"""The map as a bijection of flowjax."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import paramax
from flowjax.bijections import AbstractBijection

from eulerot.rearrangement.exports.jax_map import HostMap, through_tables

__all__ = ["FlowjaxRearrangement", "FlowjaxTables", "flowjax_tables"]


class FlowjaxRearrangement(AbstractBijection):
    """A rearrangement as a bijection of flowjax, by a callback; made by `Rearrangement.to_jax`.

    Attributes
    ----------
    host : HostMap
        The map.
    """

    host: HostMap = eqx.field(static=True)
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: None = eqx.field(static=True, default=None)

    def transform_and_log_det(self, x: Any, condition: Any = None) -> tuple[jax.Array, jax.Array]:
        """Return the moved latent and the log-determinant there."""
        moved = self.host.forward(x)
        return moved, self.host.log_det(x, moved)

    def inverse_and_log_det(self, y: Any, condition: Any = None) -> tuple[jax.Array, jax.Array]:
        """Return the latent that is moved to another, and the log-determinant of the inverse."""
        start = self.host.inverse(y)
        return start, -self.host.log_det(start, y)


class FlowjaxTables(AbstractBijection):
    """A tabulated rearrangement as a bijection of flowjax; made by `TabulatedRearrangement.to_jax`.

    Attributes
    ----------
    arrays, planes
        Its tables, which no training changes, and the planes that they belong to.
    """

    arrays: Any
    planes: Any = eqx.field(static=True)
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: None = eqx.field(static=True, default=None)

    def transform_and_log_det(self, x: Any, condition: Any = None) -> tuple[jax.Array, jax.Array]:
        """Return the moved latent and the log-determinant there."""
        return self._moved(x, inverted=False)

    def inverse_and_log_det(self, y: Any, condition: Any = None) -> tuple[jax.Array, jax.Array]:
        """Return the latent that is moved to another, and the log-determinant of the inverse."""
        return self._moved(y, inverted=True)

    def _moved(self, z: jax.Array, *, inverted: bool) -> tuple[jax.Array, jax.Array]:
        moved, change = through_tables(paramax.unwrap(self.arrays), self.planes, z, inverted=inverted)
        return moved, change + 0.5 * (moved @ moved - z @ z)


def flowjax_tables(arrays: Any, planes: Any, dim: int) -> FlowjaxTables:
    """Return the bijection of what `table_arrays` returned."""
    return FlowjaxTables(paramax.non_trainable(arrays), planes, (dim,))
