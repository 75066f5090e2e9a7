"""Alignment: the rotation, the reflection or the shift of angles that brings latents closest to data.

A rearrangement that is the end of a geodesic preserves orientation, and so does a Monge map. With ``f = grad(phi) o s``
the sign of ``det Ds`` is that of ``det Df``: latents of a flow that reverses orientation need a reflection first, which
preserves the source just as well. Equation (23).
"""

from __future__ import annotations

import itertools

import numpy as np

from eulerot._types import FloatArray
from eulerot.latent.circle import shortest, wrapped
from eulerot.rearrangement.composition import Rearrangement
from eulerot.shooting.pairs import QUANTUM

__all__ = ["aligned", "best_reflection", "best_shift", "orientation", "procrustes_rotation", "torus_reflection"]

# Local linear fits vote on the orientation; a smaller majority than this says nothing. In more dimensions than these
# neighbours are no longer near, and the linear fit to all pairs decides; of angles their costs do, where a
# reflection saves so many standard errors
_ANCHORS, _MAJORITY, _LOCAL_UP_TO, _SURE = 256, 0.2, 16, 5.0


def aligned(z: FloatArray, x: FloatArray, align: bool, *, domain: str = "cube") -> Rearrangement:
    """Return the rotation, reflection or shift of latents to start from; without alignment a reflection if one is due.

    Examples
    --------
    >>> z = np.random.default_rng(0).standard_normal((100, 2))
    >>> aligned(z, z, False).is_identity, aligned(z, -z[:, ::-1], False).is_identity
    (True, False)
    """
    dim, sign = z.shape[1], orientation(z, x, domain=domain)
    rotation = np.eye(dim)
    if domain == "torus":
        if sign < 0:
            rotation = torus_reflection(z, x)
        return Rearrangement(rotation, shift=best_shift(z @ rotation.T, x) if align else np.zeros(dim))
    if dim == 1:
        return Rearrangement(sign * rotation)
    if align:
        best = procrustes_rotation(z, x, sign=sign)
        # one that the rounding of the data alone may give is none
        rotation = best if np.abs(best - rotation).max() > QUANTUM else rotation
    elif sign < 0:
        rotation = best_reflection(z, x)
    return Rearrangement(rotation)


def orientation(z: FloatArray, x: FloatArray, *, domain: str = "cube") -> float:
    """Return the sign of ``det Df`` of the map from `z` to `x`, 1.0 or -1.0, from pairs alone; equation (23).

    Each of some inner latents and its nearest neighbours give a linear fit, and the signs of their determinants vote.

    Examples
    --------
    >>> z = np.random.default_rng(0).standard_normal((200, 2))
    >>> orientation(z, np.exp(z)), orientation(z, np.exp(z[:, ::-1]))
    (1.0, -1.0)
    """
    n, dim = z.shape
    if dim <= _LOCAL_UP_TO and n > dim + 1:
        vote = float(np.mean(_local_signs(z, x, domain)))
        if abs(vote) >= _MAJORITY:
            return float(np.sign(vote))
    if domain == "torus":
        saved = np.sum(_shifted_squares(z, x) - _shifted_squares(z @ torus_reflection(z, x).T, x), axis=1)
        return -1.0 if saved.mean() > _SURE * saved.std() / np.sqrt(n) else 1.0
    return float(np.linalg.slogdet(_moments(z, x))[0]) or 1.0


def procrustes_rotation(z: FloatArray, x: FloatArray, *, sign: float = 1.0) -> FloatArray:
    """Return the orthogonal ``R`` of determinant `sign` that minimises ``mean |x - R z|^2``, equation (13).

    Examples
    --------
    >>> z = np.random.default_rng(0).standard_normal((100, 2))
    >>> quarter = np.array([[0.0, -1.0], [1.0, 0.0]])
    >>> np.allclose(procrustes_rotation(z, z @ quarter.T), quarter)
    True
    >>> np.allclose(procrustes_rotation(z, z[:, ::-1], sign=-1.0), [[0.0, 1.0], [1.0, 0.0]])
    True
    """
    left, _, right = np.linalg.svd(_moments(z, x))
    signs = np.ones(z.shape[1])
    signs[-1] = sign * np.linalg.slogdet(left @ right)[0]
    return (left * signs) @ right


def best_reflection(z: FloatArray, x: FloatArray) -> FloatArray:
    """Return the reflection ``H = I - 2 v v^T`` that minimises ``mean |x - H z|^2``; equation (23).

    `v` is the eigenvector of the smallest eigenvalue of the symmetric part of ``E[(x - mean) z^T]``.

    Examples
    --------
    >>> z = np.random.default_rng(0).standard_normal((100, 2))
    >>> np.round(best_reflection(z, 2 * z * [1.0, -1.0]), 1)
    array([[ 1.,  0.],
           [ 0., -1.]])
    """
    moments = _moments(z, x)
    axis = np.linalg.eigh(0.5 * (moments + moments.T))[1][:, 0]
    return np.eye(len(axis)) - 2 * np.outer(axis, axis)


def torus_reflection(z: FloatArray, x: FloatArray) -> FloatArray:
    """Return the signed permutation of angles, of determinant -1, that with its best shift is closest to `x`.

    The best permutation is an assignment of angles to angles. Where its signs give the other determinant, the sign that
    costs least is changed, in it or in one of the permutations that differ by an exchange.

    Examples
    --------
    >>> z = np.random.default_rng(0).uniform(-np.pi, np.pi, (100, 2))
    >>> torus_reflection(z, z[:, ::-1] + 1.0)
    array([[0., 1.],
           [1., 0.]])
    """
    from scipy.optimize import linear_sum_assignment  # takes long to import

    dim, rows = z.shape[1], range(z.shape[1])

    def cost(sign: float, angle: int) -> FloatArray:
        return np.mean(_shifted_squares(np.repeat(sign * z[:, angle : angle + 1], dim, axis=1), x), axis=0)

    # by sign, by the angle of the data and by that of the latents
    costs = np.array([[cost(sign, angle) for angle in rows] for sign in (1.0, -1.0)]).swapaxes(1, 2)
    best = linear_sum_assignment(costs.min(axis=0))[1]
    exchanged = [best] + [_exchanged(best, i, j) for i, j in itertools.combinations(rows, 2)]
    found = [_reflecting(costs[:, rows, columns], columns) for columns in exchanged]
    return min(found, key=lambda each: each[0])[1]


def _exchanged(columns: np.ndarray, i: int, j: int) -> np.ndarray:
    other = columns.copy()
    other[[i, j]] = columns[[j, i]]
    return other


def _reflecting(costs: FloatArray, columns: np.ndarray) -> tuple[float, FloatArray]:
    """Return the least cost of a permutation with signs of determinant -1, given that of each sign, and its matrix."""
    signs = np.where(costs[0] <= costs[1], 1.0, -1.0)
    if np.linalg.det(np.eye(len(columns))[columns]) * np.prod(signs) > 0:
        signs[np.argmin(np.abs(costs[1] - costs[0]))] *= -1.0
    chosen = np.where(signs > 0, costs[0], costs[1])
    return float(chosen.sum()), np.diag(signs)[:, np.argsort(columns)]


def _shifted_squares(z: FloatArray, x: FloatArray) -> FloatArray:
    """Return the squared distance in each angle of each pair after the best shift, the shortest way round."""
    return shortest(x - z - best_shift(z, x), "torus") ** 2


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
    gaps, turn, n = np.sort(np.remainder(x - z, 2 * np.pi), axis=0), 2 * np.pi, len(z)
    means = np.mean(gaps, axis=0) + turn * np.arange(n)[:, None] / n  # the first ones go once more round
    moved = np.concatenate([np.zeros((1, gaps.shape[1])), np.cumsum(2 * turn * gaps[:-1] + turn**2, axis=0)])
    least = np.argmin((np.sum(gaps**2, axis=0) + moved) / n - means**2, axis=0)
    return wrapped(np.take_along_axis(means, least[None], axis=0)[0])


def _moments(z: FloatArray, x: FloatArray) -> FloatArray:
    """Return ``E[(x - mean) z^T]``."""
    return np.einsum("ni,nj->ij", x - x.mean(axis=0), z) / len(z)


def _local_signs(z: FloatArray, x: FloatArray, domain: str) -> FloatArray:
    """Return the signs of the determinants of linear fits to inner latents and their neighbours."""
    from scipy.spatial import cKDTree  # takes long to import

    n, dim = z.shape
    period = 2 * np.pi if domain == "torus" else None
    points = np.remainder(z, period) if period else z
    inner = np.arange(n) if period else np.argsort(np.sum(z**2, axis=1), kind="stable")[: max(n // 2, 1)]
    anchors = inner[np.linspace(0, len(inner) - 1, min(_ANCHORS, len(inner))).astype(int)]
    near = cKDTree(points, boxsize=period).query(points[anchors], k=min(n, 3 * dim + 2))[1]
    apart, moved = (shortest(rows[near] - rows[anchors][:, None], domain) for rows in (z, x))
    # the least-squares fit is (apart^T apart)^-1 apart^T moved, of which the first factor has a positive determinant
    apart, moved = (rows - rows.mean(axis=1, keepdims=True) for rows in (apart, moved))
    return np.sign(np.linalg.det(np.einsum("aki,akj->aij", apart, moved)))
