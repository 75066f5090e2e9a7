r"""An estimate of the Brenier potential, which takes the sampling noise out of the cost.

A rearrangement preserves the Gaussian, so ``E phi(s(z)) = E phi`` is known for any function ``phi``. Hence

    mean |x|^2 - 2 x . s(z) + 2 phi(s(z))  +  d - 2 E phi                                    (12')

has the expectation of the cost (12) whatever ``phi`` is; with ``phi = |y|^2 / 2`` it *is* (12). Only its variance
changes, and with it what an optimiser can gain by moving samples into the gaps of other samples. With the Brenier
potential, for which ``x = grad phi(s(z))`` at the optimum (1), every single pair is at rest there: nothing is to be
gained.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eulerot._types import FloatArray
from eulerot.coordinates import log_density, to_box

__all__ = ["HALF_SQUARE", "Potential", "regressed_potential"]


@dataclass(frozen=True)
class Potential:
    """``phi(y) = b . y + 1/2 y . A y + sum C_kl cos(k a_1) cos(l a_2)`` with ``a = pi Phi(y)``, in the plane.

    Parameters
    ----------
    linear : ndarray, shape (2,)
        ``b``.
    quadratic : ndarray, shape (2, 2)
        ``A``, symmetric.
    cosines : ndarray, shape (m, m)
        ``C``; the constant ``C_00`` is zero.

    Examples
    --------
    >>> values, gradient = HALF_SQUARE(np.array([[3.0, 4.0]]))
    >>> values, gradient, HALF_SQUARE.mean
    (array([12.5]), array([[3., 4.]]), 1.0)
    """

    linear: FloatArray
    quadratic: FloatArray
    cosines: FloatArray

    def __call__(self, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return values, shape ``(n,)``, and gradients, shape ``(n, 2)``."""
        tilted = np.einsum("ni,ij->nj", y, self.quadratic)
        values = np.einsum("ni,i->n", y, self.linear) + 0.5 * np.einsum("ni,ni->n", y, tilted)
        gradient = self.linear + tilted
        if np.any(self.cosines):
            (c, dc), (e, de) = (_cosines(column, len(self.cosines)) for column in y.T)
            # einsum, not a matrix product: the sum does not depend on the threads of the linear algebra library
            by_first = np.einsum("nl,kl->nk", e, self.cosines)
            values = values + np.einsum("nk,nk->n", c, by_first)
            gradient[:, 0] += np.einsum("nk,nk->n", dc, by_first)
            gradient[:, 1] += np.einsum("nk,nk->n", c, np.einsum("nl,kl->nk", de, self.cosines))
        return values, gradient

    @property
    def mean(self) -> float:
        """``E phi`` under the standard normal; cosines of the uniform ``a`` have none."""
        return 0.5 * float(np.trace(self.quadratic))


HALF_SQUARE = Potential(np.zeros(2), np.eye(2), np.zeros((1, 1)))


def _cosines(column: FloatArray, m: int) -> tuple[FloatArray, FloatArray]:
    """Return ``cos(k a)``, ``k < m``, and their derivatives by the latent coordinate, shape ``(n, m)`` each."""
    distance = to_box(column)
    far, odd = np.signbit(distance)[:, None], np.arange(m) % 2 == 1
    side = np.where(far & odd, -1.0, 1.0)  # cos k (pi + y) = (-1)^k cos k y
    angle = np.multiply.outer(distance, np.arange(m))
    slope = np.exp(log_density(column))[:, None] * np.arange(m)
    return side * np.cos(angle), -side * np.sin(angle) * slope


def regressed_potential(y: FloatArray, x: FloatArray, *, m: int = 12, ridge: float = 1e-5) -> Potential:
    """Return the potential whose gradient comes closest to `x` at `y`: least squares, a smooth one preferred.

    Parameters
    ----------
    y, x : ndarray, shape (n, 2)
        Rearranged latents and their data.
    m : int
        Cosines an axis.
    ridge : float
        The weight of ``sum (k^2 + l^2)^2 C_kl^2``.

    Examples
    --------
    >>> y = np.random.default_rng(0).standard_normal((500, 2))
    >>> phi = regressed_potential(y, y @ [[2.0, 0.5], [0.5, 1.0]] + [1.0, 0.0])
    >>> np.round(phi.quadratic, 3), np.round(phi.linear, 3)
    (array([[2. , 0.5], [0.5, 1. ]]), array([1., 0.]))
    """
    (c, dc), (e, de) = (_cosines(column, m) for column in y.T)
    zero, one, n = np.zeros(len(y)), np.ones(len(y)), len(y)
    by_first, by_second = np.einsum("nk,nl->nkl", dc, e).reshape(n, -1), np.einsum("nk,nl->nkl", c, de).reshape(n, -1)
    first = np.column_stack([one, zero, y[:, 0], y[:, 1], zero, by_first[:, 1:]])
    second = np.column_stack([zero, one, zero, y[:, 0], y[:, 1], by_second[:, 1:]])
    design = np.concatenate([first, second])
    k = np.arange(m)
    stiffness = np.concatenate([np.zeros(5), ((k[:, None] ** 2 + k**2) ** 2).ravel()[1:]])
    gram = np.einsum("ni,nj->ij", design, design) / n + ridge * np.diag(stiffness)
    b0, b1, a00, a01, a11, *rest = np.linalg.solve(gram, np.einsum("ni,n->i", design, x.T.ravel()) / n)
    return Potential(np.array([b0, b1]), np.array([[a00, a01], [a01, a11]]), np.array([0.0, *rest]).reshape(m, m))
