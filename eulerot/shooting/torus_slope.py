r"""The slope of the cost of angles along planar velocities, at rest: in which planes of a torus it falls fastest.

A velocity in the plane of two angles has a stream function ``psi = sum psi_k exp(i k . a)``, and the cost (12) falls
from rest at twice the rate ``mean gap . u`` with the gap from angles to data, the shortest way round. In the
kinetic-energy metric ``sum |k|^2 |psi_k|^2`` the squared slope is

    S = sum over k of |h_k|^2 / |k|^2,   h_k = mean [ (gap_1 k_2 - gap_2 k_1) exp(-i k . a) ] / i,             (29)

and the steepest stream function has the coefficients ``h_k / |k|^2``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eulerot._cached import kept
from eulerot._types import FloatArray

__all__ = ["TorusSlope"]

# Modes an axis: few, because a plane is only to be compared with others
_MODES = 3
_WAVENUMBERS = np.arange(-_MODES, _MODES + 1.0)
_SQUARES = _WAVENUMBERS[:, None] ** 2 + _WAVENUMBERS**2
_INVERSE_LAPLACIAN = np.divide(1.0, _SQUARES, out=np.zeros_like(_SQUARES), where=_SQUARES > 0)


@dataclass(frozen=True)
class TorusSlope:
    """Evaluate the squared slope of the cost along velocities in planes of two angles, equation (29).

    Parameters
    ----------
    z : ndarray, shape (n, d)
        Angles.
    gaps : ndarray, shape (n, d)
        From them to their images, the shortest way round.

    Examples
    --------
    >>> z = np.random.default_rng(0).uniform(-np.pi, np.pi, (4000, 3))
    >>> gaps = np.stack([0.0 * z[:, 0], np.sin(z[:, 2]), 0.0 * z[:, 0]], axis=1)  # a shear of the last plane
    >>> slope = TorusSlope(z, gaps)
    >>> round(slope.squared(1, 2), 1), slope.squared(0, 1) < 0.01
    (0.5, True)
    """

    z: FloatArray
    gaps: FloatArray

    def squared(self, i: int, j: int) -> float:
        """Return the squared slope ``S`` in the plane of two angles."""
        slope = self._coefficients(i, j)
        return float(np.sum(np.abs(slope) ** 2 * _INVERSE_LAPLACIAN))

    def along_steepest(self, z: FloatArray, gaps: FloatArray) -> FloatArray:
        """Return ``gap . u(z)`` for other pairs of a plane, with ``u`` the steepest velocity of these, shape ``(n,)``.

        Its mean is positive in expectation only if these pairs have seen something that is no noise.
        """
        psi = self._coefficients(0, 1) * _INVERSE_LAPLACIAN
        k, waves = _WAVENUMBERS, _waves(z)
        by_first, by_second = (
            np.einsum("nk,nk->n", waves[:, 0], np.einsum("nl,kl->nk", waves[:, 1], 1j * factor * psi))
            for factor in (k[:, None], k)
        )
        return np.real(gaps[:, 0] * by_second - gaps[:, 1] * by_first)

    @kept
    def _conjugates(self) -> np.ndarray:
        return np.conj(_waves(self.z))

    def _coefficients(self, i: int, j: int) -> np.ndarray:
        """Return ``h``, shape ``(K, K)``."""
        first, second, k = self._conjugates[:, i], self._conjugates[:, j], _WAVENUMBERS
        of_first, of_second = (np.einsum("nk,nl->kl", self.gaps[:, axis, None] * first, second) for axis in (i, j))
        return (of_first * k - of_second * k[:, None]) / (1j * len(self.z))


def _waves(angles: FloatArray) -> np.ndarray:
    """Return ``exp(i k a)`` of each angle, shape ``(n, d, K)``."""
    return np.exp(1j * angles[..., None] * _WAVENUMBERS)
