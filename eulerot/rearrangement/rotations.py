"""Rotations of the latent space: of the plane by an angle, random ones, powers of any, and the reflection in one."""

from __future__ import annotations

import math

import numpy as np
import scipy

from eulerot._types import FloatArray

__all__ = ["plane_rotation", "random_rotations", "reflection_axis", "rotation_power"]


def plane_rotation(angle: float) -> FloatArray:
    """Return the rotation of the plane by `angle`, counter-clockwise.

    Examples
    --------
    >>> np.round(plane_rotation(math.pi / 2) @ [1.0, 0.0], 12)
    array([0., 1.])
    """
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([[cos, -sin], [sin, cos]])


def random_rotations(n: int, dim: int, *, seed: int) -> FloatArray:
    """Return `n` rotations drawn uniformly, shape ``(n, dim, dim)``: the orthogonal factors of normal matrices.

    Examples
    --------
    >>> rotations = random_rotations(4, 3, seed=0)
    >>> products = rotations @ rotations.swapaxes(1, 2)
    >>> bool(np.allclose(products, np.eye(3))), bool(np.allclose(np.linalg.det(rotations), 1.0))
    (True, True)
    """
    factors, triangular = np.linalg.qr(np.random.default_rng(seed).standard_normal((n, dim, dim)))
    factors *= np.sign(np.diagonal(triangular, axis1=1, axis2=2))[:, None]
    factors[..., 0] *= np.linalg.det(factors)[:, None].round()
    return np.asarray(factors, dtype=np.float64)


def rotation_power(rotation: FloatArray, share: float) -> FloatArray:
    """Return ``exp(share Omega)`` with ``exp(Omega) = rotation``, by the angles of its planes."""
    schur_form, basis = scipy.linalg.schur(rotation, output="real")
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


def reflection_axis(matrix: FloatArray) -> FloatArray | None:
    """Return the axis of a reflection that leaves a rotation of an orthogonal matrix; None if it is one already.

    It is an eigenvector of the eigenvalue -1, so that the rotation that is left leaves it alone.

    Examples
    --------
    >>> np.abs(reflection_axis(np.array([[1.0, 0.0], [0.0, -1.0]])))
    array([0., 1.])
    """
    if np.linalg.slogdet(matrix)[0] > 0:
        return None
    return np.linalg.eigh(0.5 * (matrix + matrix.T))[1][:, 0]
