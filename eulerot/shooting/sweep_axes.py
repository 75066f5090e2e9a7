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
from eulerot.latent.chart import harmonics, log_density, to_box
from eulerot.shooting.journal import Journal
from eulerot.shooting.regression import curl_part

__all__ = ["Slope", "best_axes"]

# With fewer pairs threads over planes wait for Python more than they save
_SHARED_FROM = 2**13


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
        times = partial(product, threads=self.threads)
        latents, data = (times(axes, rows) for rows in self._transposed)
        rows = latents, data, *(np.empty_like(latents) for _ in range(2))
        planes = [[each[i : i + 2] for each in rows] for i in range(0, len(axes) - 1, 2)]
        threads = self.threads if len(self.z) >= _SHARED_FROM else 1
        total = sum(run_tasks([partial(self._plane, *plane) for plane in planes], threads))
        *_, steepest, pulled = rows
        alone = slice(2 * len(planes), None)
        steepest[alone] = pulled[alone] = 0.0
        # S = mean x . v with v linear in it, so d S = 2 mean [ dx . v + x . Dv dy ]
        return total, (times(steepest, self.x) + times(pulled, self.z)) * (2.0 / len(self.z))

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
        own = self._waves(self.z.T)
        psi = self._metric * self._coefficients(*own, curl_part(self.z, self.x).T)
        first, second = self._waves(z.T)
        over, along, *_ = _sums_over_second(second, psi)
        velocity = np.stack(_velocity(first, over, along), axis=1)
        return np.sum(curl_part(z, x) * velocity, axis=1)

    @kept
    def _transposed(self) -> tuple[FloatArray, FloatArray]:
        return np.ascontiguousarray(self.z.T), np.ascontiguousarray(self.x.T)

    @property
    def _wavenumbers(self) -> FloatArray:
        return np.arange(1.0, self.modes + 1)

    @property
    def _metric(self) -> FloatArray:
        k = self._wavenumbers
        return 2.0 / np.hypot(k[:, None], k)

    def _waves(self, y: FloatArray) -> tuple[_Waves, _Waves]:
        first, second = (_Waves.of(column, self._wavenumbers) for column in y)
        return first, second

    def _coefficients(self, first: _Waves, second: _Waves, x: FloatArray) -> FloatArray:
        """Return ``G``, equation (18)."""
        by_first = product(x[0] * first.over, second.slope.T)
        by_second = product(first.slope, (x[1] * second.over).T)
        return self._metric * (by_first - by_second) / x.shape[1]

    def _plane(self, y: FloatArray, x: FloatArray, velocity: FloatArray, pulled: FloatArray) -> float:
        """Return the squared slope in a plane; fill the steepest velocity ``v`` there, and ``Dv^T x``."""
        first, second = self._waves(y)
        slope = self._coefficients(first, second, x)
        over, along, bent, curved = _sums_over_second(second, self._metric * slope)
        velocity[0], velocity[1] = _velocity(first, over, along)
        d11, d12 = _sums(first.bend, along), _sums(first.over, curved)
        d21, d22 = -_sums(first.curve, over), -_sums(first.slope, bent)
        pulled[0], pulled[1] = d11 * x[0] + d21 * x[1], d12 * x[0] + d22 * x[1]
        return float(np.sum(slope**2))


@dataclass(frozen=True)
class _Waves:
    """Hold ``sin(k a) / a'``, ``k cos(k a)`` and their derivatives by ``y`` for one coordinate, all ``(K, n)``."""

    over: FloatArray
    slope: FloatArray
    bend: FloatArray
    curve: FloatArray

    @classmethod
    def of(cls, column: FloatArray, k: FloatArray) -> _Waves:
        rate, (sine, cosine) = np.exp(log_density(column)), (wave[1:] for wave in harmonics(to_box(column), len(k) + 1))
        over, slope = sine / rate, k[:, None] * cosine
        return cls(over, slope, slope + column * over, sine * rate * -(k**2)[:, None])


def _sums_over_second(second: _Waves, psi: FloatArray) -> list[FloatArray]:
    """Return the sums of `psi` times each kind of wave of the second coordinate, shape ``(K, n)`` each."""
    return [product(psi, waves) for waves in (second.over, second.slope, second.bend, second.curve)]


def _velocity(first: _Waves, over: FloatArray, along: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the velocity of a stream function, given its sums over the second coordinate."""
    return _sums(first.over, along), -_sums(first.slope, over)


def _sums(a: FloatArray, b: FloatArray) -> FloatArray:
    return np.einsum("kn,kn->n", a, b)


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
