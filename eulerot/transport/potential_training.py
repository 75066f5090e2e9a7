"""Train a convex potential on pairs, so that their mean duality gap is small; equation (24).

The gap is least for the potential of the Monge map, whatever the coupling of the pairs. Adam's steps go along its
derivative, which needs where each conjugate is attained: a point for each pair, followed by one step of Newton's method
whenever the pair is seen. Pairs that the steps do not see choose when to stop, from the quadratic potential on.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from eulerot._linear_algebra import product
from eulerot._types import FloatArray
from eulerot.transport import _kernels_dual
from eulerot.transport.convex_potential import ConvexPotential, Coordinates

__all__ = ["trained_potential"]

# Larger groups of components, for clusters; ridges, for sums of functions of few coordinates, are as many as dimensions
# within these limits
_GROUPS, _RIDGES = (8,) * 8 + (32,) * 2, (32, 128)
# The share of the quadratic term at the start, and the sharpness of the components' edges
_ALPHA, _SHARPNESS = 0.8, 1.0
# Steps move all weights at once: in more dimensions they are shorter
_BATCH, _RATE, _DIAGONAL, _WARM_UP = 64, 0.01, 0.03, 100
_NEWTON, _CONJUGATE = 1, 6
# How often pairs are seen: so many times all together, and each within these limits
_VISITS, _FEWEST, _MOST = 250_000, 12, 120
# In more dimensions than these a visit takes long, and there are fewer
_DIMENSIONS = 64
_LOOKS = 20
# The share of the pairs that choose, and how far covariances are drawn towards that of a ball, for few pairs
_TUNING = 0.15
_SHRINKAGES = (0.0, 0.03, 0.2, 1.0)
# The least eigenvalue of covariances and linear maps, relative to the largest, and the grid of the map's root: digits
# in which libraries of linear algebra differ must not decide anything
_FLOOR, _GRID = 1e-6, 2.0**-32
_QUANTUM = 2.0**-20
_NONE = np.zeros(1, dtype=np.int64)


def trained_potential(y: FloatArray, x: FloatArray, rng: np.random.Generator) -> ConvexPotential:
    """Return a convex potential with a small mean duality gap on pairs, and on others of their law.

    Parameters
    ----------
    y, x : ndarray, shape (n, d)
        Latents and data.
    rng : numpy.random.Generator
        What chooses the tuning pairs, the first parameters and the order of the steps.

    Examples
    --------
    >>> y = np.random.default_rng(0).standard_normal((256, 2))
    >>> phi = trained_potential(y, y + np.tanh(y), np.random.default_rng(1))
    >>> bool(phi.gaps(y, y + np.tanh(y)).mean() < 1e-3)
    True
    """
    order = rng.permutation(len(y))
    few = max(1, round(_TUNING * len(y)))
    tuning, seen = (y[order[:few]], x[order[:few]]), (y[order[few:]], x[order[few:]])
    candidates = [(float(np.mean(phi.gaps(*tuning))), phi) for phi in _quadratic_potentials(*seen)]
    least, best = min(candidates, key=lambda candidate: candidate[0])
    standard = best.coordinates
    train = _Training(standard.of_latents(seen[0]), standard.of_data(seen[1]), rng)
    for parameters in train.course():
        phi = ConvexPotential(parameters.copy(), train.starts, standard)
        gap = float(np.mean(phi.gaps(*tuning)))
        if gap < least:
            least, best = gap, phi
        elif not np.isfinite(gap):
            break
    return best


class _Training:
    """The parameters on their way, by Adam with a rate that falls to zero, averaged over the last hundred steps."""

    def __init__(self, z: FloatArray, x: FloatArray, rng: np.random.Generator) -> None:
        # rounded, so that the digits which a shift or a scale leaves decide nothing; equation (22)
        self._z, self._x = (np.rint(rows / _QUANTUM) * _QUANTUM for rows in (z, x))
        self._rng, self._points, self._zeros = rng, self._z.copy(), np.zeros_like(self._z)
        self._values, self._slopes = np.empty(len(z)), np.empty_like(self._z)
        self._sizes = (2,) * int(np.clip(z.shape[1], *_RIDGES)) + _GROUPS
        self.starts = np.concatenate([[0], np.cumsum(self._sizes)]).astype(np.int64)

    def course(self) -> Iterator[FloatArray]:
        """Yield the averaged parameters, some twenty times on the way."""
        n, d = self._z.shape
        batch = min(_BATCH, n)
        epochs = int(np.clip(_VISITS * min(1.0, _DIMENSIONS / d) / n, _FEWEST, _MOST))
        steps = np.arange(epochs * (n // batch))
        rates = (
            min(_RATE, _DIAGONAL / np.sqrt(d))
            * np.minimum(1.0, (steps + 1) / _WARM_UP)
            * 0.5
            * (1.0 + np.cos(np.pi * steps / len(steps)))
        )
        parameters = _first_parameters(d, self._sizes, self._rng)
        moments, average = np.zeros((3, len(parameters))), parameters.copy()
        for epoch, some in enumerate(np.split(rates, epochs)):
            order = self._rng.permutation(n)
            for step, rate in enumerate(some):
                slope = self.slope(parameters, order[step * batch : (step + 1) * batch])
                _kernels_dual.adam(parameters, slope, rate, moments, average)
            if (epoch + 1) % max(1, epochs // _LOOKS) == 0 or epoch + 1 == epochs:
                yield average

    def slope(self, parameters: FloatArray, rows: np.ndarray) -> FloatArray:
        """Return the derivative by the parameters of the mean of ``phi(y) + phi*(x) - x . y`` over `rows` of pairs.

        The conjugates are those of the points, which are moved by a step of Newton's method towards the maximum.
        """
        opened, unused = _kernels_dual.opened(parameters, self.starts, self._z.shape[1]), (self._values, self._slopes)
        slope = np.zeros(len(parameters))
        _kernels_dual.ascend(*opened, self._zeros, self._z, rows, 0, 0, 0.0, *unused, 1.0, slope)
        _kernels_dual.ascend(*opened, self._x, self._points, rows, _NEWTON, _CONJUGATE, 0.0, *unused, -1.0, slope)
        return slope / len(rows)


def _first_parameters(d: int, sizes: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
    """Return parameters with random directions, of which each group has its share of the mean curvature, one."""
    weights, offsets, levels = [], [], []
    probes = rng.standard_normal((256, d))
    for size in sizes:
        directions, places = rng.standard_normal((d, size)), 0.5 * rng.standard_normal(size)
        directions /= np.sqrt(np.sum(directions**2, axis=0))
        if size == 2:  # a ridge
            directions[:, 1], places[1] = -directions[:, 0], -places[0]
        u = _SHARPNESS * (np.einsum("ni,ik->nk", probes, directions) + places)
        shares = np.exp(u - u.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        mean = np.einsum("nk,ik->ni", shares, directions)  # the trace of the Hessian is that of a covariance
        trace = _SHARPNESS * (1.0 - float(np.mean(np.sum(mean**2, axis=1))))
        length = (1.0 - _ALPHA) * d / (len(sizes) * trace)
        weights.append(length * directions)
        offsets.append(length * places)
        levels.append(np.log(length / _SHARPNESS))
    return np.concatenate([np.hstack(weights).ravel(), *offsets, levels, np.zeros(d), [np.log(_ALPHA)]])


def _quadratic_potentials(y: FloatArray, x: FloatArray) -> list[ConvexPotential]:
    """Return potentials of linear maps: of Gelbrich's bound, for covariances more and more like a ball's, and of none.

    The last, ``|y - E y|^2 / 2``, proves that the squared distance of the means is a bound.
    """
    means = y.mean(axis=0), x.mean(axis=0)
    spreads = _spread(y - means[0]), _spread(x - means[1])
    a, b = (_covariance((rows - m) / s) for rows, m, s in zip((y, x), means, spreads, strict=True))
    ball = np.eye(len(a))
    roots = [_power(_linear_monge_map(a + share * (ball - a), b + share * (ball - b)), 0.5) for share in _SHRINKAGES]
    roots.append(np.sqrt(spreads[0] / spreads[1]) * ball)
    rounded = [np.rint(_symmetric(root) / _GRID) * _GRID for root in roots]
    return [ConvexPotential(np.zeros(len(a) + 1), _NONE, Coordinates(means, spreads, root)) for root in rounded]


def _linear_monge_map(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return the symmetric map of a Gaussian of covariance `a` to one of covariance `b`."""
    root, other = _power(a, 0.5), _power(a, -0.5)
    return other @ _power(root @ b @ root, 0.5) @ other


def _spread(rows: FloatArray) -> float:
    return float(np.sqrt(np.mean(rows**2))) or 1.0


def _covariance(rows: FloatArray) -> FloatArray:
    return product(np.ascontiguousarray(rows.T), rows) / len(rows)


def _symmetric(matrix: FloatArray) -> FloatArray:
    return 0.5 * (matrix + matrix.T)


def _power(matrix: FloatArray, exponent: float) -> FloatArray:
    """Return a power of a positive semidefinite matrix; eigenvalues below the floor are raised to it."""
    values, vectors = np.linalg.eigh(_symmetric(matrix))
    floor = _FLOOR * max(float(values[-1]), _FLOOR)
    return (vectors * np.maximum(values, floor) ** exponent) @ vectors.T
