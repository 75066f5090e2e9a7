"""The units of a model's base in jax: from standard normal latents, or angles, to values of the base and back."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtr, ndtri

from eulerot.flows.adapters.bases import NormalBase, UniformBase

__all__ = ["Units"]


class Units:
    """The change of units ``A`` of a base; compared by identity, so that it may be a static field.

    Parameters
    ----------
    base : NormalBase or UniformBase
        The base.
    angles : bool
        Whether latents are angles, and the base a box of side ``2 pi``.
    """

    def __init__(self, base: NormalBase | UniformBase, *, angles: bool = False) -> None:
        self.base, self.angles = base, angles

    def values(self, u: jax.Array) -> jax.Array:
        """Return the values of the base of latents."""
        base = self.base
        if isinstance(base, NormalBase):
            return u @ jnp.asarray(base.factor.T, u.dtype) + jnp.asarray(base.mean, u.dtype)
        low, high = jnp.asarray(base.low, u.dtype), jnp.asarray(base.high, u.dtype)
        if self.angles:
            return u + math.pi + low
        gap = (high - low) * ndtr(-jnp.abs(u))
        return jnp.where(u < 0, low + gap, high - gap)

    def latents(self, b: jax.Array) -> jax.Array:
        """Return the latents of values of the base; values at a wall of a box have large ones, not infinite."""
        base = self.base
        if isinstance(base, NormalBase):
            centred = b - jnp.asarray(base.mean, b.dtype)
            return jnp.linalg.solve(jnp.asarray(base.factor, b.dtype), centred[..., None])[..., 0]
        low, high = jnp.asarray(base.low, b.dtype), jnp.asarray(base.high, b.dtype)
        if self.angles:
            return jnp.remainder(b - low, 2 * math.pi) - math.pi
        below, above = (b - low) / (high - low), (high - b) / (high - low)
        near = ndtri(jnp.clip(jnp.minimum(below, above), 2.0**-53, 0.5))
        return jnp.where(below < above, near, -near)

    def log_det(self, u: jax.Array) -> jax.Array:
        """Return the log-determinant of `values` at latents."""
        base, zero = self.base, jnp.zeros_like(u[..., 0])
        if self.angles:
            return zero
        if isinstance(base, NormalBase):
            return zero + float(np.linalg.slogdet(base.factor)[1])
        log_width = jnp.log(jnp.asarray(base.high - base.low, u.dtype))
        return jnp.sum(log_width - 0.5 * u * u - 0.5 * math.log(2 * math.pi), axis=-1)
