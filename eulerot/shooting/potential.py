r"""Estimate the Brenier potential, which removes most of the sampling noise from the cost.

A rearrangement preserves the Gaussian, so ``E phi(s(z)) = E phi`` is known for any function ``phi``. Hence

    mean |x|^2 - 2 x . s(z) + 2 phi(s(z))  +  d - 2 E phi                                    (12')

has the expectation of the cost (12) whatever ``phi`` is; with ``phi = |y|^2 / 2`` it *is* (12). Only its variance
changes, and with it what an optimiser can gain by moving samples into the gaps of other samples. With the Brenier
potential, for which ``x = grad phi(s(z))`` at the optimum (1), every single pair is at rest there: nothing is to be
gained.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np

from eulerot._linear_algebra import inverse, product
from eulerot._threads import run_tasks
from eulerot._types import FloatArray
from eulerot.latent.chart import harmonics, log_density, to_box
from eulerot.shooting.regression import blocks

__all__ = ["Potential", "half_square", "quadratic_potential", "regressed_potential"]

# Waves of a coordinate and their derivatives, a row for each
_Waves: TypeAlias = tuple[FloatArray, FloatArray]
# The quadratic potential has a matrix of its own from so many pairs a dimension on
_PAIRS_A_ROW = 32


@dataclass(frozen=True)
class Potential:
    """Evaluate ``phi(y) = b . y + 1/2 y . A y + sum C_kl.. cos(k a_1) cos(l a_2) ..`` with ``a = pi Phi(y)``.

    Parameters
    ----------
    linear : ndarray, shape (d,)
        ``b``.
    quadratic : ndarray, shape (d, d)
        ``A``, symmetric.
    cosines : ndarray, shape (m, ..., m)
        ``C``, with `d` axes; the constant ``C_00..`` is zero.

    Examples
    --------
    >>> phi = half_square(2)
    >>> values, gradient = phi(np.array([[3.0, 4.0]]))
    >>> values, gradient, phi.mean
    (array([12.5]), array([[3., 4.]]), 1.0)
    """

    linear: FloatArray
    quadratic: FloatArray
    cosines: FloatArray

    def __call__(self, y: FloatArray, phases: FloatArray | None = None) -> tuple[FloatArray, FloatArray]:
        """Return values, shape ``(n,)``, and gradients, shape ``(n, d)``; `phases` are the coordinates in the box."""
        tilted = np.einsum("ni,ij->nj", y, self.quadratic)
        values = np.einsum("ni,i->n", y, self.linear) + 0.5 * np.einsum("ni,ni->n", y, tilted)
        gradient = self.linear + tilted
        if np.any(self.cosines):
            more, *slopes = _series(self.cosines, _cosines(y, phases, len(self.cosines)))
            values, gradient = values + more, gradient + np.stack(slopes, axis=1)
        return values, gradient

    @property
    def mean(self) -> float:
        """``E phi`` under the standard normal; the cosines have mean zero, because ``a`` is uniform."""
        return 0.5 * float(np.trace(self.quadratic))

    def cost(self, y: FloatArray, x: FloatArray, phases: FloatArray | None = None) -> tuple[float, FloatArray]:
        """Return the cost (12') of rearranged latents and their data, and its derivative by the latents."""
        each, slopes = self.pair_costs(y, x, phases)
        return float(np.mean(each)), slopes * (2.0 / len(y))

    def pair_costs(
        self, y: FloatArray, x: FloatArray, phases: FloatArray | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Return the cost (12') of each pair, shape ``(n,)``, and half its derivative by the latents."""
        # in blocks, whose waves stay in the cache
        costs, slopes = zip(*(self._pair_costs(*each) for each in _by_rows(y, x, phases)), strict=True)
        return np.concatenate(costs), np.concatenate(slopes)

    def _pair_costs(self, y: FloatArray, x: FloatArray, phases: FloatArray | None) -> tuple[FloatArray, FloatArray]:
        values, slopes = self(y, phases)
        each = np.sum(x**2, axis=1) - 2 * np.sum(x * y, axis=1) + 2 * values
        return each + (y.shape[1] - 2 * self.mean), slopes - x


def _by_rows(
    y: FloatArray, x: FloatArray, phases: FloatArray | None
) -> Iterator[tuple[FloatArray, FloatArray, FloatArray | None]]:
    """Yield blocks of the rows of latents, data and coordinates in the box."""
    return ((y[rows], x[rows], None if phases is None else phases[rows]) for rows in blocks(len(y)))


def quadratic_potential(y: FloatArray, x: FloatArray) -> Potential:
    """Return the quadratic potential whose gradient is the symmetric part of the regression of `x` on normal `y`.

    With few pairs for the dimension only the mean of its eigenvalues is known, and the potential is a multiple of
    ``|y|^2``.

    Examples
    --------
    >>> y = np.random.default_rng(0).standard_normal((5000, 2))
    >>> np.round(quadratic_potential(y, y @ [[2.0, 1.0], [1.0, 1.0]]).quadratic)
    array([[2., 1.],
           [1., 1.]])
    """
    n, dim = y.shape
    if n < _PAIRS_A_ROW * dim:
        quadratic = np.eye(dim) * float(np.mean(y * x))
    else:
        moments = np.einsum("ni,nj->ij", x, y) / n
        quadratic = 0.5 * (moments + moments.T)
    return Potential(np.zeros(dim), quadratic, np.zeros((1,) * dim if dim <= 3 else (1,)))


def half_square(dim: int) -> Potential:
    """Return the potential ``|y|^2 / 2``."""
    return Potential(np.zeros(dim), np.eye(dim), np.zeros((1,) * dim))


def _series(coefficients: FloatArray, waves: list[_Waves]) -> list[FloatArray]:
    """Return a sum of products of waves, one of each coordinate, and its derivatives, shape ``(n,)`` each."""
    parts = [
        product(coefficients.reshape(-1, len(wave)), wave).reshape(*coefficients.shape[:-1], -1) for wave in waves[-1]
    ]
    for cosine, slope in reversed(waves[:-1]):  # the derivatives so far, and that by one more coordinate
        value, *others = parts
        parts = [_contracted(value, cosine), _contracted(value, slope), *(_contracted(each, cosine) for each in others)]
    return parts


def _contracted(terms: FloatArray, wave: FloatArray) -> FloatArray:
    return np.einsum("...kn,kn->...n", terms, wave)


def _cosines(y: FloatArray, phases: FloatArray | None, m: int) -> list[_Waves]:
    """Return ``cos(k a)``, ``k < m``, and their derivatives by ``y``, for each coordinate, shape ``(m, n)`` each."""
    k, waves = np.arange(float(m))[:, None], []
    for column, phase in zip(y.T, (to_box(y) if phases is None else phases).T, strict=True):
        sine, cosine = harmonics(phase, m)
        waves.append((cosine, sine * (-k * np.exp(log_density(column)))))
    return waves


def regressed_potential(
    y: FloatArray,
    x: FloatArray,
    phases: FloatArray | None = None,
    *,
    m: int | None = None,
    ridge: float = 1e-5,
    threads: int = 1,
) -> Potential:
    """Return the potential whose gradient is closest to `x` at `y`, by least squares with a penalty on roughness.

    Parameters
    ----------
    y, x : ndarray, shape (n, d)
        Rearranged latents and their data.
    phases : ndarray, shape (n, d), optional
        The coordinates of `y` in the box, if they are known already.
    m : int or None
        Cosines an axis; by default 12 in the plane, 5 in space.
    ridge : float
        The weight of ``sum (k^2 + l^2 + ..)^2 C_kl..^2``.
    threads : int
        Threads over blocks of pairs. Results do not depend on it.

    Examples
    --------
    >>> y = np.random.default_rng(0).standard_normal((500, 2))
    >>> phi = regressed_potential(y, y @ [[2.0, 0.5], [0.5, 1.0]] + [1.0, 3.0])
    >>> np.round(phi.quadratic, 3), np.round(phi.linear, 3)
    (array([[2. , 0.5], [0.5, 1. ]]), array([1., 3.]))
    """
    n, dim = y.shape
    m = m or (12 if dim == 2 else 5)
    first, second = np.triu_indices(dim)
    count = dim + len(first)
    size = count + m**dim - 1
    gram, moments = np.zeros((size, size)), np.zeros(size)
    for one, other in run_tasks([partial(_moments, *each, m) for each in _by_rows(y, x, phases)], threads):
        gram += one / n
        moments += other / n
    squares = np.sum(np.square(np.indices((m,) * dim, dtype=float)), axis=0)
    stiffness = np.concatenate([np.zeros(count), (squares**2).ravel()[1:]])
    found = product(inverse(gram + ridge * np.diag(stiffness)), moments[:, None])[:, 0]
    quadratic = np.zeros((dim, dim))
    quadratic[first, second] = quadratic[second, first] = found[dim:count]
    return Potential(found[:dim], quadratic, np.concatenate([[0.0], found[count:]]).reshape((m,) * dim))


def _moments(y: FloatArray, x: FloatArray, phases: FloatArray | None, m: int) -> tuple[FloatArray, FloatArray]:
    """Return the sums over pairs of products of the terms' derivatives, two by two and with the data."""
    designs = list(_slopes(y, _cosines(y, phases, m)))
    gram = sum(product(design, design.T) for design in designs)
    moments = sum(product(design, column[:, None])[:, 0] for design, column in zip(designs, x.T, strict=True))
    return np.asarray(gram), np.asarray(moments)


def _slopes(y: FloatArray, waves: list[_Waves]) -> Iterator[FloatArray]:
    """Yield for each coordinate the derivatives of all terms of a potential by it, shape ``(terms, n)``.

    The terms are the coordinates, their products two by two, and all products of cosines but the constant.
    """
    n, dim = y.shape
    pairs = list(zip(*np.triu_indices(dim), strict=True))
    for axis in range(dim):
        polynomials = np.zeros((dim + len(pairs), n))
        polynomials[axis] = 1.0
        for row, pair in enumerate(pairs, start=dim):
            if axis in pair:
                polynomials[row] = y[:, sum(pair) - axis]
        terms = np.ones((1, n))
        for other, (wave, slope) in enumerate(waves):
            terms = (terms[:, None] * (slope if other == axis else wave)).reshape(-1, n)
        yield np.concatenate([polynomials, terms[1:]])
