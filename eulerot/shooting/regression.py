"""Subtract from the data of a plane what depends on coordinates outside of it, by regression on Hermite polynomials."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eulerot._types import FloatArray

__all__ = ["OtherCoordinates", "curl_part", "polynomial_degrees"]

# The regression has one polynomial for so many pairs at most
_PAIRS_A_POLYNOMIAL = 16
_RIDGE = 0.05


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
    """

    powers: NDArray[np.int64]
    coefficients: FloatArray

    @classmethod
    def of(cls, y: FloatArray, x: FloatArray) -> OtherCoordinates:
        """Return the regression of `x` on `y`."""
        powers = polynomial_degrees(y.shape[1], len(y) // _PAIRS_A_POLYNOMIAL)
        design = _hermite(y, powers)
        gram = np.einsum("ni,nj->ij", design, design) / len(y) + _RIDGE * np.eye(len(powers))
        return cls(powers, np.linalg.solve(gram, np.einsum("ni,nj->ij", design, x) / len(y)))

    def without(self, y: FloatArray, x: FloatArray, plane: tuple[int, int]) -> FloatArray:
        """Return the data of a plane less the terms that have a factor in another coordinate."""
        foreign = np.delete(self.powers, plane, axis=1).any(axis=1)
        owed = np.einsum("np,pi->ni", _hermite(y, self.powers[foreign]), self.coefficients[foreign][:, plane])
        return x[:, plane] - owed


def polynomial_degrees(dim: int, most: int) -> NDArray[np.int64]:
    """Return the degrees of polynomials in `dim` coordinates: all up to the third if there are no more than `most`.

    Else those of one coordinate, with all products of two if they are few enough.
    """
    unit = np.eye(dim, dtype=int)
    alone = np.concatenate([degree * unit for degree in (1, 2, 3)])
    for degree in (3, 2):
        mixed = [
            powers
            for total in range(2, degree + 1)
            for factors in itertools.combinations_with_replacement(range(dim), total)
            if np.count_nonzero(powers := unit[list(factors)].sum(axis=0)) > 1
        ]
        if mixed and len(alone) + len(mixed) <= most:
            return np.concatenate([alone, mixed])
    return alone


def _hermite(y: FloatArray, powers: NDArray[np.int64]) -> FloatArray:
    """Return products of Hermite polynomials, orthonormal under the standard normal, shape ``(n, p)``."""
    table = np.stack([np.ones_like(y), y, (y**2 - 1) / np.sqrt(2), (y**3 - 3 * y) / np.sqrt(6)])
    result = np.ones((len(y), len(powers)))
    for axis, degrees in enumerate(powers.T):
        used = np.flatnonzero(degrees)
        result[:, used] *= table[degrees[used], :, axis].T
    return result


def curl_part(y: FloatArray, x: FloatArray) -> FloatArray:
    """Return data less the gradient of their quadratic potential: their slope (18) has the same mean and less noise."""
    centred = x - x.mean(axis=0)
    moments = np.einsum("ni,nj->ij", centred, y) / len(y)
    return centred - y @ (0.5 * (moments + moments.T))
