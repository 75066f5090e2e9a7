r"""Choose the planes of a sweep: rotated axes in whose planes the cost falls fastest, starting from rest.

A velocity in the planes ``(1, 2), (3, 4), ...`` of axes ``Q`` has a stream function in each. The slope of the cost
(12) at ``w0 = 0`` by its coefficients, in the kinetic-energy metric, needs no solution of the Euler equations: it is
the type-1 sum (10) at the start positions, in each plane a product of small matrices,

    G_kl = 2 / |k| mean [ x_1 sin(k a_1) l cos(l a_2) / a'(y_1) - x_2 k cos(k a_1) sin(l a_2) / a'(y_2) ].     (18)

``S(Q)``, the sum of ``G_kl^2`` over modes and planes, is what a sweep gains at first order, and smooth in ``Q``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from eulerot._cached import kept
from eulerot._linear_algebra import inverse, product
from eulerot._threads import run_tasks
from eulerot._types import FloatArray
from eulerot.latent.chart import log_density, to_box
from eulerot.shooting import _kernels_slope
from eulerot.shooting.journal import Journal
from eulerot.shooting.regression import curl_part

__all__ = ["Slope", "best_axes"]

# Coordinates that a thread works on at a time: few calls, in memory that is had at once
_AT_ONCE = 2**15


@dataclass(frozen=True)
class Slope:
    """Evaluate the squared slope ``S`` of the cost along planar velocities, equation (18), as a function of the axes.

    Parameters
    ----------
    z, x : ndarray, shape (n, d)
        Latents and data.
    modes : int
        Modes an axis.
    threads : int
        Threads over planes. Results do not depend on it.

    Examples
    --------
    >>> z = np.random.default_rng(0).standard_normal((500, 4))
    >>> value, derivative = Slope(z, z)(np.eye(4))
    >>> value < 0.2, derivative.shape
    (True, (4, 4))
    """

    z: FloatArray
    x: FloatArray
    modes: int = 4
    threads: int = 1

    def __call__(self, axes: FloatArray) -> tuple[float, FloatArray]:
        """Return ``S`` and its derivative with respect to the axes ``Q``."""
        # a row for each coordinate: all that is done with one is then done in the order of memory
        latents, data = run_tasks([partial(product, axes, rows) for rows in self._transposed], self.threads)
        steepest, pulled = np.zeros((2, *latents.shape))
        rows = 2 * max(1, _AT_ONCE // (2 * len(self.z)))
        pieces = [slice(i, min(i + rows, len(axes) - len(axes) % 2)) for i in range(0, len(axes) - 1, rows)]
        tasks = [partial(self._planes, *(each[i] for each in (latents, data, steepest, pulled))) for i in pieces]
        total = sum(run_tasks(tasks, self.threads))
        # S = mean x . v with v linear in it, so d S = 2 mean [ dx . v + x . Dv dy ]
        terms = run_tasks([partial(product, steepest, self.x), partial(product, pulled, self.z)], self.threads)
        return total, (terms[0] + terms[1]) * (2.0 / len(self.z))

    def along_steepest(self, z: FloatArray, x: FloatArray) -> FloatArray:
        """Return ``x . v(z)`` for other pairs of the plane, with ``v`` the steepest velocity of these, shape ``(n,)``.

        Its mean is half the rate at which the cost of the other pairs falls from rest. It is positive in expectation
        only if these pairs have seen something that is no noise.

        Examples
        --------
        >>> z = np.random.default_rng(0).standard_normal((2, 1000, 2))
        >>> x = 0.1 * z + z[..., ::-1] * [1.0, -1.0]
        >>> bool(Slope(z[0], x[0]).along_steepest(z[1], x[1]).mean() > 1.0)
        True
        """
        own, y, data = self.z.T, np.ascontiguousarray(z.T), np.ascontiguousarray(curl_part(z, x).T)
        psi = self._metric**2 * self._slopes(_waves(own), np.ascontiguousarray(curl_part(self.z, self.x).T))
        velocity, pulled = np.empty((2, *y.shape))
        _kernels_slope.velocities(_waves(y), y, data, psi, velocity, pulled)
        return np.einsum("in,in->n", data, velocity)

    @kept
    def _transposed(self) -> tuple[FloatArray, FloatArray]:
        return np.ascontiguousarray(self.z.T), np.ascontiguousarray(self.x.T)

    @property
    def _metric(self) -> FloatArray:
        k = np.arange(1.0, self.modes + 1)
        return 2.0 / np.hypot(k[:, None], k)

    def _slopes(self, waves: FloatArray, x: FloatArray) -> FloatArray:
        """Return the mean in equation (18)."""
        slopes = np.empty((self.modes, self.modes))
        _kernels_slope.slopes(waves, x, slopes)
        return slopes

    def _planes(self, y: FloatArray, x: FloatArray, velocity: FloatArray, pulled: FloatArray) -> float:
        """Return the squared slope in some planes; fill the steepest velocity ``v`` there, and ``Dv^T x``."""
        waves, total = _waves(y), 0.0
        for plane in (slice(i, i + 2) for i in range(0, len(y), 2)):
            slope = self._metric * self._slopes(waves[:, plane], x[plane])
            total += float(np.sum(slope**2))
            each = y[plane], x[plane], self._metric * slope, velocity[plane], pulled[plane]
            _kernels_slope.velocities(waves[:, plane], *each)
        return total


def _waves(y: FloatArray) -> FloatArray:
    """Return ``sin(a)``, ``cos(a)`` and the rate ``a'(y)``, shape ``(3, *y.shape)``."""
    distances, waves = to_box(y), np.empty((3, *y.shape))
    # of half the distance to a wall, at most a quarter of pi, the cosine follows from the sine with all digits
    half, side = np.sin(0.5 * distances), np.copysign(2.0, distances)
    square = half**2
    waves[0] = side * half * np.sqrt(1.0 - square)
    waves[1] = side * (0.5 - square)
    waves[2] = np.exp(log_density(y))
    return waves


def best_axes(
    slope: Slope, start: FloatArray, *, iterations: int = 60, journal: Journal | None = None
) -> tuple[FloatArray, float]:
    """Return axes near `start` at which ``S`` has a local maximum, and its value there.

    Quasi-Newton ascent over ``Q = C(A) Q_0`` with Cayley's ``C(A) = (1 - A / 2)^-1 (1 + A / 2)``, `A` antisymmetric.
    """
    dim, below = len(start), np.tril_indices(len(start), -1)
    # the tolerance of the optimiser is one of numbers about one: a share of what there is at the start, in any units
    identity, unit, times = np.eye(dim), slope(start)[0] or 1.0, partial(product, threads=slope.threads)

    def rotation(entries: FloatArray) -> tuple[FloatArray, FloatArray]:
        half = np.zeros((dim, dim))
        half[below] = 0.5 * entries
        half -= half.T
        inverted = inverse(identity - half, threads=slope.threads)
        return inverted, times(inverted, identity + half)

    def negative(entries: FloatArray) -> tuple[float, FloatArray]:
        inverted, cayley = rotation(entries)
        value, by_axes = slope(times(cayley, start))
        by_entries = times(times(inverted.T, by_axes), times(start.T, 0.5 * (cayley + identity).T))
        return -value / unit, -(by_entries - by_entries.T)[below] / unit

    journal = journal or Journal()
    found = journal.minimise(negative, np.zeros(len(below[0])), maxiter=iterations, maxcor=20, ftol=1e-4)
    axes = times(rotation(found.x)[1], start)
    # orthogonal to the last digit, by one step of Newton's iteration for the polar factor
    return times(axes, 1.5 * identity - 0.5 * times(axes.T, axes)), -float(found.fun) * unit
