"""What torch and jax ask of a map."""

from __future__ import annotations

from typing import Protocol

from eulerot._types import FloatArray

__all__ = ["ExactMap"]


class ExactMap(Protocol):
    """A map and its derivatives: a `Rearrangement`."""

    @property
    def dim(self) -> int:
        """The dimension of the latent space."""

    @property
    def domain(self) -> str:
        """``"cube"`` for normal latents, ``"torus"`` for angles."""

    def forward(self, z: FloatArray) -> FloatArray:
        """Return ``s(z)``."""

    def inverse(self, y: FloatArray) -> FloatArray:
        """Return ``s^-1(y)``."""

    def log_abs_det(self, z: FloatArray) -> FloatArray:
        """Return the change of log density."""

    def pullback(self, z: FloatArray, covectors: FloatArray) -> FloatArray:
        """Return transposed Jacobians of ``s`` times covectors."""

    def inverse_pullback(self, y: FloatArray, covectors: FloatArray) -> FloatArray:
        """Return transposed Jacobians of ``s^-1`` times covectors."""

    def to_bytes(self) -> bytes:
        """Return the map as bytes."""

    @classmethod
    def from_bytes(cls, data: bytes) -> ExactMap:
        """Return the map of bytes."""
