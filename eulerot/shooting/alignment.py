"""Alignment: the rotation of the latent space, or the shift of angles, that brings latents closest to data."""

from __future__ import annotations

import numpy as np

from eulerot._types import FloatArray
from eulerot.latent.circle import wrapped

__all__ = ["best_shift", "procrustes_rotation"]


def procrustes_rotation(z: FloatArray, x: FloatArray) -> FloatArray:
    """Return the rotation ``R`` in SO(d) that minimises ``mean |x - R z|^2``, equation (13).

    Examples
    --------
    >>> z = np.random.default_rng(0).standard_normal((100, 2))
    >>> quarter = np.array([[0.0, -1.0], [1.0, 0.0]])
    >>> np.allclose(procrustes_rotation(z, z @ quarter.T), quarter)
    True
    """
    left, _, right = np.linalg.svd(np.einsum("ni,nj->ij", x, z) / len(z))
    signs = np.ones(z.shape[1])
    signs[-1] = np.sign(np.linalg.det(left @ right))
    return (left * signs) @ right


def best_shift(z: FloatArray, x: FloatArray) -> FloatArray:
    """Return the shift ``c`` of angles that minimises ``mean |x - z - c|^2``, the shortest way round.

    For each angle the mean of the differences on the circle: of all places where it can be cut, the one with the least
    variance.

    Examples
    --------
    >>> z = np.random.default_rng(0).uniform(-np.pi, np.pi, (100, 2))
    >>> best_shift(z, z + [3.0, -2.0]).round(12)
    array([ 3., -2.])
    """
    ways, turn, n = np.sort(np.remainder(x - z, 2 * np.pi), axis=0), 2 * np.pi, len(z)
    means = np.mean(ways, axis=0) + turn * np.arange(n)[:, None] / n  # the first ones go once more round
    moved = np.concatenate([np.zeros((1, ways.shape[1])), np.cumsum(2 * turn * ways[:-1] + turn**2, axis=0)])
    least = np.argmin((np.sum(ways**2, axis=0) + moved) / n - means**2, axis=0)
    return wrapped(np.take_along_axis(means, least[None], axis=0)[0])
