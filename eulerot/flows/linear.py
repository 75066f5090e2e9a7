"""A linear flow, whose optimal rearrangement is known in closed form."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from eulerot._types import FloatArray, Seed
from eulerot.checks import checked_samples

__all__ = ["LinearFlow"]


class LinearFlow:
    """An affine flow, ``f(z) = A z + b``, whose best rearrangement is a rotation.

    The polar decomposition ``A = P R``, with ``P`` symmetric positive and ``R`` orthogonal, is Brenier's
    factorization (1): ``R`` is the rearrangement and ``y -> P y + b`` the Monge map.

    Parameters
    ----------
    matrix : array_like, shape (d, d)
        An invertible matrix ``A``; of negative determinant, the rotation ``R`` is a reflection too.
    shift : array_like, shape (d,)
        ``b``.

    Raises
    ------
    ValueError
        For wrong shapes, values that are not finite, or a matrix that is not invertible.

    See Also
    --------
    eulerot.zoo.load : Load a flow that ships with the package.
    eulerot.flow : Make a flow of a model.

    Examples
    --------
    >>> flow = LinearFlow([[0.0, -2.0], [1.0, 0.0]], [1.0, 0.0])
    >>> flow.transport_cost, flow.optimal_cost
    (8.0, 2.0)
    >>> flow.monge_map([[1.0, 1.0]])
    array([[3., 1.]])
    """

    def __init__(self, matrix: ArrayLike, shift: ArrayLike) -> None:
        matrix, shift = np.array(matrix, dtype=float), np.array(shift, dtype=float)
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or shift.shape != matrix.shape[:1]:
            raise ValueError(
                f"matrix, shift: expected shapes (d, d) and (d,); got {matrix.shape} and {shift.shape}. "
                "Pass a square matrix and one shift a coordinate."
            )
        if not (np.isfinite(matrix).all() and np.isfinite(shift).all()):
            raise ValueError("matrix, shift: expected finite values; got NaN or infinity. Mend them.")
        if np.linalg.slogdet(matrix)[0] == 0:  # the determinant itself may be too small for a number
            raise ValueError(
                "matrix: expected an invertible matrix; got one whose determinant is 0. A flow is an invertible map."
            )
        self.matrix, self.shift, self.dim = matrix, shift, len(shift)

    def forward(self, z: ArrayLike) -> FloatArray:
        """Return ``A z + b``."""
        return checked_samples("z", z, dim=self.dim) @ self.matrix.T + self.shift

    def inverse(self, x: ArrayLike) -> FloatArray:
        """Return ``A^-1 (x - b)``."""
        return np.linalg.solve(self.matrix, (checked_samples("x", x, dim=self.dim) - self.shift).T).T

    def log_prob(self, x: ArrayLike) -> FloatArray:
        """Return the log density of ``N(b, A A^T)``."""
        z = self.inverse(x)
        log_det = np.linalg.slogdet(self.matrix)[1]
        return -0.5 * np.sum(z**2, axis=1) - 0.5 * self.dim * math.log(2 * math.pi) - log_det

    def sample(self, n: int, seed: Seed = None) -> FloatArray:
        """Return `n` samples; `seed` is what `numpy.random.default_rng` takes."""
        return self.forward(np.random.default_rng(seed).standard_normal((n, self.dim)))

    @cached_property
    def _polar(self) -> tuple[FloatArray, FloatArray]:
        left, singular, right = np.linalg.svd(self.matrix)
        return (left * singular) @ left.T, left @ right

    @property
    def optimal_rotation(self) -> FloatArray:
        """The rearrangement ``R``, equation (13)."""
        return self._polar[1]

    def monge_map(self, y: ArrayLike) -> FloatArray:
        """Return ``P y + b``, the Monge map from the standard normal."""
        return checked_samples("y", y, dim=self.dim) @ self._polar[0] + self.shift

    @property
    def transport_cost(self) -> float:
        """``E |f(z) - z|^2 = |A - I|^2 + |b|^2``."""
        return float(np.sum((self.matrix - np.eye(self.dim)) ** 2) + self.shift @ self.shift)

    @property
    def optimal_cost(self) -> float:
        """``W2^2 = |P - I|^2 + |b|^2``, which is the Gelbrich bound (15)."""
        return float(np.sum((self._polar[0] - np.eye(self.dim)) ** 2) + self.shift @ self.shift)
