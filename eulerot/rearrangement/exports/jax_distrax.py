"""The map as a bijector of distrax."""

from __future__ import annotations

from typing import Any

import distrax
import jax

from eulerot.rearrangement.exports.jax_map import HostMap, through_tables

__all__ = ["DistraxRearrangement", "DistraxTables"]


class DistraxRearrangement(distrax.Bijector):
    """A rearrangement as a bijector of distrax, by a callback; made by `Rearrangement.to_jax`.

    Parameters
    ----------
    host : HostMap
        The map.
    """

    def __init__(self, host: HostMap) -> None:
        super().__init__(event_ndims_in=1)
        self.host = host

    def forward_and_log_det(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return moved latents and the log-determinants there."""
        moved = self.host.forward(x)
        return moved, self.host.log_det(x, moved)

    def inverse_and_log_det(self, y: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return the latents that are moved to others, and the log-determinants of the inverse."""
        start = self.host.inverse(y)
        return start, -self.host.log_det(start, y)


class DistraxTables(distrax.Bijector):
    """A tabulated rearrangement as a bijector of distrax; made by `TabulatedRearrangement.to_jax`.

    Parameters
    ----------
    arrays, planes
        What `table_arrays` returned.
    """

    def __init__(self, arrays: Any, planes: Any) -> None:
        super().__init__(event_ndims_in=1)
        self._arrays, self._planes = arrays, planes

    def forward_and_log_det(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return moved latents and the log-determinants there."""
        return self._moved(x, inverted=False)

    def inverse_and_log_det(self, y: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return the latents that are moved to others, and the log-determinants of the inverse."""
        return self._moved(y, inverted=True)

    def _moved(self, z: jax.Array, *, inverted: bool) -> tuple[jax.Array, jax.Array]:
        moved, change = through_tables(self._arrays, self._planes, z, inverted=inverted)
        return moved, change + 0.5 * (moved * moved - z * z).sum(-1)
