"""Estimate the Brenier potential in many dimensions, by Hermite polynomials of all coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from eulerot._linear_algebra import inverse, product
from eulerot._types import FloatArray
from eulerot.shooting.regression import PAIRS_A_POLYNOMIAL, blocks, hermite_products, polynomial_degrees

__all__ = ["PolynomialPotential", "polynomial_potential"]

# Its polynomials are evaluated at every pair and every step of the optimiser
_MOST = 512
_RIDGE = 1e-3


@dataclass(frozen=True)
class PolynomialPotential:
    """Evaluate ``phi(y) = sum c_a h_a(y)`` with products ``h_a`` of Hermite polynomials, orthonormal under the normal.

    Parameters
    ----------
    powers : ndarray, shape (p, d)
        The degrees ``a``, none of which are all zero; with one they hold all that are lower, as its derivatives.
    coefficients : ndarray, shape (p,)
        The coefficients ``c``.
    threads : int
        Threads of the products. Results do not depend on it.

    Examples
    --------
    >>> phi = PolynomialPotential(np.array([[1, 0], [0, 1], [2, 0]]), np.array([1.0, 0.0, 2.0**0.5]))
    >>> phi.pair_costs(np.array([[3.0, 4.0]]), np.array([[0.0, 0.0]]))
    (array([24.]), array([[7., 0.]]))
    """

    powers: NDArray[np.int64]
    coefficients: FloatArray
    threads: int = 1

    def pair_costs(self, y: FloatArray, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the cost (12') of each pair, shape ``(n,)``, and half its derivative by the latents.

        The mean of all polynomials is zero.
        """
        values, slopes = np.empty(len(y)), np.empty_like(y)
        for rows in blocks(len(y)):
            found = product(_design(y[rows], self.powers), self._columns, threads=self.threads)
            values[rows], slopes[rows] = found[:, 0], found[:, 1:]
        each = np.sum(x**2, axis=1) - 2 * np.sum(x * y, axis=1) + 2 * values
        return each + y.shape[1], slopes - x

    @cached_property
    def _columns(self) -> FloatArray:
        """The coefficients of values and slopes: of each polynomial, and of what it is the derivative of."""
        columns = np.zeros((1 + len(self.powers), 1 + self.powers.shape[1]))
        columns[1:, 0] = self.coefficients
        for axis, (of, to, factors) in enumerate(_derivatives(self.powers), start=1):
            columns[to, axis] = factors * self.coefficients[of]
        return columns


def _design(y: FloatArray, powers: NDArray[np.int64]) -> FloatArray:
    """Return the constant one and all polynomials, shape ``(n, p + 1)``."""
    return np.concatenate([np.ones((len(y), 1)), hermite_products(y, powers)], axis=1)


def _derivatives(powers: NDArray[np.int64]) -> list[tuple[list[int], list[int], FloatArray]]:
    """Return for each axis which polynomials depend on it, the columns of `_design` of their derivatives, and factors.

    ``h_n' = sqrt(n) h_(n-1)``.
    """
    places = {(0,) * powers.shape[1]: 0} | {tuple(power): 1 + i for i, power in enumerate(powers.tolist())}
    found = []
    for axis, unit in enumerate(np.eye(powers.shape[1], dtype=int)):
        of = np.flatnonzero(powers[:, axis])
        to = [places[tuple(power)] for power in (powers[of] - unit).tolist()]
        found.append((of.tolist(), to, np.sqrt(powers[of, axis])))
    return found


def polynomial_potential(y: FloatArray, x: FloatArray, *, threads: int = 1) -> PolynomialPotential:
    """Return the potential whose gradient is closest to `x` at `y`, by least squares on as many terms as pairs allow.

    Examples
    --------
    >>> y = np.random.default_rng(0).standard_normal((4000, 4))
    >>> phi = polynomial_potential(y, y * [1.0, 2.0, 3.0, 4.0])
    >>> squares = phi.powers.max(axis=1) == 2
    >>> np.round(phi.coefficients[squares & (phi.powers.sum(axis=1) == 2)] * 2**0.5, 1)
    array([1., 2., 3., 4.])
    """
    n, dim = y.shape
    powers = polynomial_degrees(dim, min(n // PAIRS_A_POLYNOMIAL, _MOST))
    size = 1 + len(powers)
    gram, moments = np.zeros((size, size)), np.zeros((size, dim))
    for rows in blocks(n):
        design = _design(y[rows], powers)
        gram += product(design.T, design, threads=threads) / n
        moments += product(design.T, x[rows], threads=threads) / n
    normal, right = _RIDGE * np.eye(len(powers)), np.zeros(len(powers))
    for axis, (of, to, factors) in enumerate(_derivatives(powers)):
        normal[np.ix_(of, of)] += factors[:, None] * (gram[np.ix_(to, to)] * factors)
        right[of] += factors * moments[to, axis]
    found = product(inverse(normal, threads=threads), right[:, None], threads=threads)[:, 0]
    return PolynomialPotential(powers, found, threads)
