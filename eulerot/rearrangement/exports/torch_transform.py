"""What the exact and the tabulated map have in common in torch: modules that are transforms of latents, both ways."""

from __future__ import annotations

from typing import Any

import torch
from torch.distributions import constraints
from torch.distributions.transforms import Transform

__all__ = ["LatentTransform"]


class LatentTransform(torch.nn.Module, Transform):
    """A map of latents, or its inverse: a module and a transform of vectors that change into vectors.

    Unlike that of other transforms, the inverse is a module of its own, so that it pickles.

    Parameters
    ----------
    dim : int
        The number of coordinates of a latent, along the last axis; all others are batch axes.
    inverted : bool
        Whether calls return the inverse.
    """

    bijective = True
    domain = codomain = constraints.real_vector
    # transforms compare by identity, and would lose the hash that modules need
    __hash__ = torch.nn.Module.__hash__

    def __init__(self, dim: int, *, inverted: bool = False) -> None:
        torch.nn.Module.__init__(self)
        Transform.__init__(self)
        self.dim, self.inverted = dim, inverted

    @property
    def inv(self) -> Any:
        """The inverse, whose own inverse is this transform."""
        other = self.__dict__["_inv"]
        if other is None:
            other = self._turned()
            # not as attributes: a module that is an attribute becomes a part of the other
            self.__dict__["_inv"], other.__dict__["_inv"] = other, self
        return other

    def with_cache(self, cache_size: int = 1) -> LatentTransform:
        """Return the transform as it is: it keeps no cache."""
        return self

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Return the moved latents, of the shape, dtype and device of `z`."""
        return self._moved(self._checked(z), self.inverted)

    def inverse(self, y: torch.Tensor) -> torch.Tensor:
        """Return the latents that are moved to `y`."""
        return self._moved(self._checked(y), not self.inverted)

    def extra_repr(self) -> str:
        """Return what ``repr`` shows."""
        return f"dim={self.dim}" + ", inverted=True" * self.inverted

    def _call(self, z: torch.Tensor) -> torch.Tensor:
        return self(z)

    def _inverse(self, y: torch.Tensor) -> torch.Tensor:
        return self.inverse(y)

    def _inv_call(self, y: torch.Tensor) -> torch.Tensor:
        return self.inverse(y)

    def _turned(self) -> LatentTransform:
        """Return a new module for the inverse."""
        raise NotImplementedError

    def _moved(self, z: torch.Tensor, inverted: bool) -> torch.Tensor:
        """Return latents that are moved forward, or if `inverted` backward."""
        raise NotImplementedError

    def _checked(self, z: torch.Tensor) -> torch.Tensor:
        if not isinstance(z, torch.Tensor) or not z.is_floating_point():
            got = getattr(z, "dtype", type(z).__name__)
            raise ValueError(f"z: expected a tensor of real numbers; got {got}. Pass a floating-point tensor.")
        if z.dim() == 0 or z.shape[-1] != self.dim:
            raise ValueError(
                f"z: expected latents along the last axis, shape (..., {self.dim}); got shape {tuple(z.shape)}."
            )
        return z
