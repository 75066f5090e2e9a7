"""Smooth convex potentials, their gradients and their conjugates; equation (24)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from eulerot._linear_algebra import inverse, product
from eulerot._types import FloatArray
from eulerot.checks import checked_pairs, checked_samples
from eulerot.transport import _kernels_dual

__all__ = ["ConvexPotential", "Coordinates"]

# Newton's method ends at a residual of 1e-10 in standard coordinates: what it leaves of a conjugate is below rounding
_STEPS, _RESIDUAL = 100, 1e-20


@dataclass(frozen=True)
class Coordinates:
    """Affine coordinates of latents and data that keep their products up to a unit, and take out a linear Monge map.

    With ``y' = R (y - m_y) / s_y`` and ``x' = R^-T (x - m_x) / s_x``, the product ``s_y s_x x' . y'`` is that of the
    centred pair, so that duality gaps are those in the coordinates, times ``s_y s_x``. For a symmetric `R` whose square
    is the linear Monge map, ``y'`` and ``x'`` have the same covariance.

    Parameters
    ----------
    means : tuple of ndarray, shape (d,)
        ``m_y`` and ``m_x``.
    spreads : tuple of float
        ``s_y`` and ``s_x``.
    root : ndarray, shape (d, d)
        ``R``, symmetric and positive definite.

    See Also
    --------
    eulerot.transport.convex_potential.ConvexPotential : The potential of the dual bound.

    Examples
    --------
    >>> standard = Coordinates((np.zeros(1), np.ones(1)), (1.0, 1.0), np.array([[2.0]]))
    >>> standard.of_latents(np.array([[3.0]])), standard.of_data(np.array([[5.0]]))
    (array([[6.]]), array([[2.]]))
    """

    means: tuple[FloatArray, FloatArray]
    spreads: tuple[float, float]
    root: FloatArray

    @property
    def unit(self) -> float:
        """The unit of products, ``s_y s_x``."""
        return self.spreads[0] * self.spreads[1]

    def of_latents(self, y: FloatArray) -> FloatArray:
        """Return ``y'``."""
        return product((y - self.means[0]) / self.spreads[0], self.root)

    def of_data(self, x: FloatArray) -> FloatArray:
        """Return ``x'``."""
        return product((x - self.means[1]) / self.spreads[1], inverse(self.root))


@dataclass(frozen=True)
class ConvexPotential:
    """A convex function of latents, of which gradient and conjugate are known.

    In the coordinates ``z`` of latents it is::

        phi(z) = alpha / 2 |z|^2 + c . z + sum_g tau_g log sum_k exp((w_k . z + b_k) / tau_g),

    the inner sum over the components of a group `g`: two components make a ridge, many a polyhedron with round edges.
    It is strongly convex, so that its conjugate is a smooth concave maximum, and a bound of it is known at any point.

    Parameters
    ----------
    parameters : ndarray
        ``w``, shape (d, components), ``b``, ``log tau``, ``c`` and ``log alpha``, one after another.
    starts : ndarray of int, shape (groups + 1,)
        The first components of the groups, and the number of components.
    coordinates : Coordinates
        Those of latents and data.

    See Also
    --------
    eulerot.dual_bound : Bound the least cost from below.
    eulerot.transport.convex_potential.Coordinates : The coordinates that a potential sees.

    Examples
    --------
    >>> standard = Coordinates((np.zeros(2), np.zeros(2)), (1.0, 1.0), np.eye(2))
    >>> half_square = ConvexPotential(np.zeros(3), np.zeros(1, dtype=np.int64), standard)
    >>> half_square([[3.0, 4.0]])
    (array([12.5]), array([[3., 4.]]))
    >>> half_square.gaps([[3.0, 4.0]], [[3.0, 6.0]])  # |y - x|^2
    array([4.])
    """

    parameters: FloatArray
    starts: np.ndarray
    coordinates: Coordinates

    def __call__(self, y: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return values, shape ``(n,)``, and gradients, shape ``(n, d)``, at latents."""
        standard, latents = self.coordinates, checked_samples("y", y, dim=len(self.coordinates.root))
        values, slopes = self._evaluated(standard.of_latents(latents))
        shift = standard.means[1]
        values = standard.unit * values + np.einsum("ni,i->n", latents, shift)
        return values, standard.spreads[1] * product(slopes, standard.root) + shift

    def conjugate(self, x: ArrayLike) -> FloatArray:
        """Return the conjugate at data, by Newton's method; never too small by more than rounding.

        It is ``phi*(x) = max x . y - phi(y)``.
        """
        standard, data = self.coordinates, checked_samples("x", x, dim=len(self.coordinates.root))
        there = standard.of_data(data)
        shift = np.einsum("ni,i->n", data - standard.means[1], standard.means[0])
        return standard.unit * self._conjugates(there, there.copy()) + shift

    def gaps(self, y: ArrayLike, x: ArrayLike) -> FloatArray:
        """Return the duality gap of each pair, shape ``(n,)``, never negative.

        It is ``2 (phi(y) + phi*(x) - x . y)``.
        """
        latents, data = checked_pairs("y", y, "x", x)
        z, there = self.coordinates.of_latents(latents), self.coordinates.of_data(data)
        values = self._evaluated(z)[0] + self._conjugates(there, z.copy()) - np.einsum("ni,ni->n", z, there)
        return 2.0 * self.coordinates.unit * np.maximum(values, 0.0)

    def _evaluated(self, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        values, slopes = self._ascended(np.zeros_like(z), z, 0)
        return -values, -slopes

    def _conjugates(self, x: FloatArray, points: FloatArray) -> FloatArray:
        """Return the conjugate in the coordinates, from `points` on, which are moved to where it is attained.

        The maximum of an ``alpha``-strongly concave function is above its value where its slope is `r` by no more than
        ``|r|^2 / (2 alpha)``, which is added.
        """
        values, residuals = self._ascended(x, points, _STEPS)
        return values + 0.5 * np.einsum("ni,ni->n", residuals, residuals) / float(np.exp(self.parameters[-1]))

    def _ascended(self, x: FloatArray, points: FloatArray, steps: int) -> tuple[FloatArray, FloatArray]:
        """Return ``x . z - phi(z)`` and its slopes at `points`, after so many steps to its maximum."""
        n, d = x.shape
        values, residuals = np.empty(n), np.empty((n, d))
        _kernels_dual.ascend(
            *_kernels_dual.opened(self.parameters, self.starts, d), x, points, np.arange(n), steps, 4 * d, _RESIDUAL,
            values, residuals, 1.0, np.empty(0),
        )  # fmt: skip
        return values, residuals
