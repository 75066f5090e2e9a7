"""Subtract from the data of a plane what depends on coordinates outside of it, by regression on Hermite polynomials."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from eulerot._linear_algebra import inverse, product
from eulerot._types import FloatArray

__all__ = ["OtherCoordinates", "blocks", "curl_part", "hermite_products", "polynomial_degrees"]

# The regression has one polynomial for so many pairs at most, and so many in all: its matrix has their square
PAIRS_A_POLYNOMIAL, _MOST = 16, 2048
_RIDGE = 0.05
# Rows of which all polynomials are evaluated at once
_ROWS = 1024


@dataclass(frozen=True)
class OtherCoordinates:
    """Predict the data of a plane from the other coordinates, by least squares on Hermite polynomials.

    ``E[x_1, x_2 | y_1, y_2]`` is all that a geodesic of the plane can use. A polynomial with a factor that depends on
    another coordinate has conditional mean zero, so that it is noise to the plane, and can be subtracted.

    Parameters
    ----------
    powers : ndarray, shape (p, d)
        The degree of each polynomial in each coordinate, no more than three in all.
    coefficients : ndarray, shape (p, d)
        The coefficients of the data, one row for each polynomial.
    threads : int
        Threads of the products. Results do not depend on it.
    """

    powers: NDArray[np.int64]
    coefficients: FloatArray
    threads: int = field(default=1, compare=False)

    @classmethod
    def of(cls, y: FloatArray, x: FloatArray, *, threads: int = 1) -> OtherCoordinates:
        """Return the regression of `x` on `y`, with as many polynomials as so many pairs allow."""
        powers = polynomial_degrees(y.shape[1], min(len(y) // PAIRS_A_POLYNOMIAL, _MOST))
        gram, moments = _RIDGE * np.eye(len(powers)), np.zeros((len(powers), x.shape[1]))
        for rows in blocks(len(y)):
            design = hermite_products(y[rows], powers)
            gram += product(design.T, design, threads=threads) / len(y)
            moments += product(design.T, x[rows], threads=threads) / len(y)
        return cls(powers, product(inverse(gram, threads=threads), moments, threads=threads), threads)

    def predicted(self, y: FloatArray) -> FloatArray:
        """Return the data as all polynomials predict them, shape ``(n, d)``."""
        result = np.empty_like(y)
        for rows in blocks(len(y)):
            result[rows] = product(hermite_products(y[rows], self.powers), self.coefficients, threads=self.threads)
        return result

    def without(
        self, y: FloatArray, x: FloatArray, plane: tuple[int, int], predicted: FloatArray | None = None
    ) -> FloatArray:
        """Return the data of a plane less the terms that have a factor in another coordinate.

        `predicted` is that of `y`: the terms are what it has besides the polynomials of the plane alone.
        """
        predicted = self.predicted(y) if predicted is None else predicted
        own = np.flatnonzero(~np.delete(self.powers, plane, axis=1).any(axis=1))
        columns = np.array(plane)
        within = np.ix_(own, columns)
        from_plane = hermite_products(y[:, plane], self.powers[within]) @ self.coefficients[within]
        return x[:, plane] - (predicted[:, plane] - from_plane)


def polynomial_degrees(dim: int, most: int) -> NDArray[np.int64]:
    """Return the degrees of polynomials in `dim` coordinates, no more than `most`: the largest set that fits.

    The sets are all up to the third degree; those of one coordinate and products of two; those of one coordinate up to
    the third, second and first degree; and none. They are counted before any is listed.

    Examples
    --------
    >>> [len(polynomial_degrees(10, most)) for most in (448, 284, 74, 29, 19, 9)]
    [285, 75, 30, 20, 10, 0]
    """
    unit = np.eye(dim, dtype=int)
    pairs, triples = math.comb(dim, 2), math.comb(dim + 2, 3) - dim
    alone = next(degree for degree in (3, 2, 1, 0) if degree * dim <= most)
    mixed = 3 if 3 * dim + pairs + triples <= most else 2 if 3 * dim + pairs <= most else 1
    products = [
        unit[list(factors)].sum(axis=0)
        for total in range(2, mixed + 1)
        for factors in itertools.combinations_with_replacement(range(dim), total)
        if len(set(factors)) > 1
    ]
    powers = [degree * unit for degree in range(1, alone + 1)] + [np.reshape(products, (-1, dim))]
    return np.concatenate(powers).astype(np.int64)


def blocks(n: int) -> list[slice]:
    """Return the blocks of rows that are evaluated at once."""
    return [slice(i, i + _ROWS) for i in range(0, n, _ROWS)]


def hermite_products(y: FloatArray, powers: NDArray[np.int64]) -> FloatArray:
    """Return products of Hermite polynomials, orthonormal under the standard normal, shape ``(n, p)``."""
    table = np.stack([np.ones_like(y), y, (y**2 - 1) / np.sqrt(2), (y**3 - 3 * y) / np.sqrt(6)])
    result = np.ones((len(y), len(powers)))
    for axis, degrees in enumerate(powers.T):
        used = np.flatnonzero(degrees)
        result[:, used] *= table[degrees[used], :, axis].T
    return result


def curl_part(y: FloatArray, x: FloatArray, *, threads: int = 1) -> FloatArray:
    """Return data less the gradient of their quadratic potential: their slope (18) has the same mean and less noise."""
    centred = x - x.mean(axis=0)
    moments = product(centred.T, y, threads=threads) / len(y)
    return centred - product(y, 0.5 * (moments + moments.T), threads=threads)
