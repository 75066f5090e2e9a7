"""Map the latent space to the box and back, equation (3).

``a = pi Phi(z)`` sends the standard normal to the uniform law on ``[0, pi]^d``. Here ``a`` is stored as a signed
wall distance, ``pi Phi(z)`` for ``z <= 0`` and ``-pi Phi(-z)`` for ``z > 0``: both tails keep their digits out to
``|z| = 37``, and nothing nearer needs clipping.
"""

from __future__ import annotations

import math
import warnings

import numpy as np
import scipy

from eulerot._types import FloatArray
from eulerot.errors import SampleWarning
from eulerot.latent.circle import wrapped

__all__ = [
    "FARTHEST", "chart_distance", "from_chart", "harmonics", "log_density", "slope_ratios", "to_box", "to_chart",
    "to_latent",
]  # fmt: skip

# Beyond this a wall distance is not a normal floating-point number
FARTHEST = 37.0

# The same words for all, so that Python shows them once
_CLIPPED = (
    f"z: expected latents within {FARTHEST:g} standard deviations along every axis of the box; got some beyond, which "
    "are taken there and do not come back by the inverse. Normal latents never are so far: standardise the base."
)


def to_box(latents: FloatArray) -> FloatArray:
    """Return the signed wall distances of latents, equation (3).

    Parameters
    ----------
    latents : ndarray, shape (n, d)
        Points of the latent space.

    Warns
    -----
    SampleWarning
        If some are farther than `FARTHEST` from the origin along an axis; they are taken there.

    Examples
    --------
    >>> to_box(np.array([[0.0, -37.0]]))[0, 0] == np.pi / 2
    np.True_
    >>> bool(np.allclose(to_latent(to_box(np.array([[-9.0, 9.0]]))), [[-9.0, 9.0]], rtol=1e-15))
    True
    """
    within = np.clip(latents, -FARTHEST, FARTHEST)
    if not np.array_equal(within, latents):
        warnings.warn(_CLIPPED, SampleWarning, stacklevel=2)
    return np.copysign(math.pi * scipy.special.ndtr(-np.abs(within)), -within + 0.0)


def to_latent(distances: FloatArray) -> FloatArray:
    """Return the latents of signed wall distances, the inverse of `to_box`."""
    # a point that has come within rounding of the far wall stays finite: the last share before one
    share = np.minimum(np.abs(distances) / math.pi, 1.0 - np.finfo(float).epsneg)
    return np.copysign(1.0, distances) * scipy.special.ndtri(share)


def log_density(latents: FloatArray) -> FloatArray:
    """Return ``log(d a / d z) = log(pi phi(z))`` for each coordinate."""
    return math.log(math.pi) - 0.5 * math.log(2 * math.pi) - 0.5 * latents**2


def harmonics(phases: FloatArray, count: int) -> tuple[FloatArray, FloatArray]:
    """Return ``sin(k a)`` and ``cos(k a)`` of one coordinate of the box, ``k < count``, shape ``(count, n)`` each.

    Parameters
    ----------
    phases : ndarray, shape (n,)
        Signed wall distances; near the wall at pi both functions keep their digits, ``f(k (pi + y)) = (-1)^k f(k y)``.
    count : int
        How many wavenumbers, from zero on.

    Examples
    --------
    >>> sine, cosine = harmonics(np.array([-0.5]), 3)
    >>> bool(np.allclose(sine[:, 0], np.sin((np.pi - 0.5) * np.arange(3))))
    True
    """
    sines, cosines = np.empty((2, count, len(phases)))
    side = np.where(np.signbit(phases), -1.0, 1.0)
    for waves, first, wave in ((sines, 0.0, np.sin), (cosines, 1.0, np.cos)):
        waves[0] = first
        waves[1:2] = side * wave(phases)
    # all that are known are added to the last one, by the same sums of angles: far cheaper than sines, and as accurate
    # near the walls
    known = min(2, count)
    while known < count:
        last, more = known - 1, min(known - 1, count - known)
        few, into = slice(1, 1 + more), slice(known, known + more)
        sines[into] = sines[few] * cosines[last] + cosines[few] * sines[last]
        cosines[into] = cosines[few] * cosines[last] - sines[few] * sines[last]
        known += more
    return sines, cosines


def to_chart(latents: FloatArray, domain: str) -> FloatArray:
    """Return the coordinates in which geodesics move latents: signed wall distances, or angles as they are."""
    return to_box(latents) if domain == "cube" else latents


def from_chart(angles: FloatArray, domain: str) -> FloatArray:
    """Return the latents of coordinates of `to_chart`; on the torus within ``[-pi, pi)``."""
    return to_latent(angles) if domain == "cube" else wrapped(angles)


def chart_distance(one: FloatArray, other: FloatArray, domain: str) -> float:
    """Return the largest difference of the latents of two arrays of coordinates; on the torus along the shorter arc.

    Examples
    --------
    >>> round(chart_distance(to_box(np.array([[8.0, 1.0]])), to_box(np.array([[8.5, 1.0]])), "cube"), 12)
    0.5
    """
    gap = to_latent(one) - to_latent(other) if domain == "cube" else from_chart(one - other, domain)
    return float(np.max(np.abs(gap)))


def slope_ratios(start: FloatArray, end: FloatArray, domain: str) -> FloatArray | float:
    """Return what the Jacobian of a map of coordinates is multiplied by to become that of the map of latents.

    Entry ``(i, j)`` is ``(d a / d z)`` of coordinate `j` at the start, divided by that of coordinate `i` at the end,
    equation (3); on the torus all are one. Along a coordinate that `to_box` clips, nothing moves: there it is zero.

    Examples
    --------
    >>> slope_ratios(np.zeros((1, 1)), np.ones((1, 1)), "cube").round(4)
    array([[[1.6487]]])
    """
    if domain != "cube":
        return 1.0
    ratios = np.exp(log_density(np.clip(start, -FARTHEST, FARTHEST))[:, None, :] - log_density(end)[:, :, None])
    return ratios * (np.abs(start) <= FARTHEST)[:, None, :]
