"""Alignment: the rotation of the latent space, or the shift of angles, that brings latents closest to data."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import schur

from eulerot._types import FloatArray
from eulerot.circle import wrapped

__all__ = ["best_shift", "checked_rotation", "procrustes_rotation", "turned"]


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


def turned(rotation: FloatArray, share: float) -> FloatArray:
    """Return ``exp(share Omega)`` with ``exp(Omega) = rotation``, by the angles of its planes."""
    schur_form, basis = schur(rotation, output="real")
    dim = len(rotation)
    pairs = [i for i in range(dim - 1) if abs(schur_form[i + 1, i]) > 1e-12]
    alone = set(range(dim)) - {j for i in pairs for j in (i, i + 1)}
    turns = [(i, i + 1, np.arctan2(schur_form[i + 1, i], schur_form[i, i])) for i in pairs]
    reversed_axes = [i for i in sorted(alone) if schur_form[i, i] < 0]  # an even number: half turns of pairs
    turns += [(i, j, np.pi) for i, j in zip(reversed_axes[::2], reversed_axes[1::2], strict=True)]
    result = np.eye(dim)
    for i, j, angle in turns:
        cos, sin = np.cos(share * angle), np.sin(share * angle)
        result[[[i], [j]], [i, j]] = [[cos, -sin], [sin, cos]]
    return basis @ result @ basis.T


def checked_rotation(name: str, value: ArrayLike) -> FloatArray:
    """Return an orthogonal matrix, or say that it is not one."""
    matrix = np.array(value, dtype=float)
    if matrix.ndim != 2 or not np.allclose(matrix @ matrix.T, np.eye(len(matrix)), atol=1e-10):
        raise ValueError(f"{name}: expected an orthogonal matrix, R R^T = I; got one that is not.")
    return matrix
