"""What comes before all sweeps: a rotation or reflection of latents; of angles a signed permutation and a shift."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eulerot._cached import kept
from eulerot._linear_algebra import product
from eulerot._types import FloatArray
from eulerot.latent.circle import wrapped
from eulerot.rearrangement.rotations import reflection_axis, rotation_power

__all__ = ["Isometry"]


@dataclass(frozen=True)
class Isometry:
    """A map ``z -> R z`` of normal latents, or ``z -> R z + shift`` of angles, which preserves their law.

    Parameters
    ----------
    rotation : ndarray, shape (d, d)
        The orthogonal matrix ``R``; of angles a permutation with signs.
    shift : ndarray, shape (d,), or None
        The shift of angles; None says that latents are normal.

    Examples
    --------
    >>> turn = Isometry(np.array([[0.0, -1.0], [1.0, 0.0]]), None)
    >>> turn.forward(np.array([[1.0, 0.0]]))
    array([[0., 1.]])
    >>> turn.along(np.array([[1.0, 0.0]]), 0.5).round(4)
    array([[0.7071, 0.7071]])
    """

    rotation: FloatArray
    shift: FloatArray | None

    @property
    def rotates(self) -> bool:
        """Whether ``R`` is not the identity."""
        return not np.array_equal(self.rotation, np.eye(len(self.rotation)))

    @property
    def shifts(self) -> bool:
        """Whether angles are shifted."""
        return self.shift is not None and bool(self.shift.any())

    @property
    def reflection(self) -> FloatArray | None:
        """The axis along which latents are reflected, shape ``(d,)``; None if orientation is kept."""
        return reflection_axis(self.rotation)

    @property
    def takes_time(self) -> bool:
        """Whether a path spends a part of its time on a rotation; a reflection and a shift take none."""
        return not np.array_equal(self._proper, np.eye(len(self._proper)))

    def forward(self, latents: FloatArray) -> FloatArray:
        """Return the moved latents."""
        if self.shift is not None:
            return wrapped(product(latents, self.rotation.T) + self.shift)
        return product(latents, self.rotation.T) if self.rotates else latents

    def inverse(self, latents: FloatArray) -> FloatArray:
        """Return the latents that `forward` moves to these."""
        if self.shift is not None:
            return wrapped(product(latents - self.shift, self.rotation))
        return product(latents, self.rotation) if self.rotates else latents

    def along(self, latents: FloatArray, share: float) -> FloatArray:
        """Return latents, reflected already, after a share of the rotation that is left."""
        return product(latents, rotation_power(self._proper, share).T)

    def reflected(self, latents: FloatArray) -> FloatArray:
        """Return latents after what takes no time: a reflection, or what the torus has in place of a rotation."""
        if self.shift is not None:
            return product(latents, self.rotation.T)
        axis = self.reflection
        return latents if axis is None else latents - 2 * np.outer(latents @ axis, axis)

    @kept
    def _proper(self) -> FloatArray:
        """The rotation that is left of ``R`` after its reflection; on the torus none."""
        if self.shift is not None:
            return np.eye(len(self.rotation))
        axis = self.reflection
        if axis is None:
            return self.rotation
        proper = self.rotation - 2 * np.outer(self.rotation @ axis, axis)
        identity = np.eye(len(proper))
        return identity if np.allclose(proper, identity, atol=1e-14) else proper
