"""Train a convex potential on pairs, so that their mean duality gap is small; equation (24).

The gap is least for the potential of the Monge map, whatever the coupling of the pairs. Adam's steps go along its
derivative, which needs where each conjugate is attained: a point for each pair, followed by one step of Newton's method
whenever the pair is seen. Pairs that the steps do not see choose when to stop, from the quadratic potential on.
"""

from __future__ import annotations

import numpy as np

from eulerot._types import FloatArray
from eulerot.transport import _kernels_dual
from eulerot.transport.convex_potential import ConvexPotential, Coordinates

__all__ = ["trained_potential"]

# Sizes of groups of components: ridges for sums of functions of few coordinates, large groups for clusters
_SIZES = (2,) * 32 + (8,) * 8 + (32,) * 2
# The share of the quadratic term at the start, and the sharpness of the components' edges
_ALPHA, _SHARPNESS = 0.5, 1.0
_BATCH, _RATE, _WARM_UP = 64, 0.01, 100
_NEWTON, _CONJUGATE = 1, 6
# How often pairs are seen: so many times all together, and each within these limits
_VISITS, _FEWEST, _MOST = 250_000, 12, 120
# In more dimensions than these a visit takes long, and there are fewer
_DIMENSIONS = 64
_LOOKS = 20
# The share of the pairs that choose, and how far the linear map is drawn towards a multiple of the identity
_TUNING = 0.15
_SHRINKAGES = (0.0, 0.03, 0.1, 0.3, 1.0)
# The least eigenvalue of the linear map, relative to the largest, and the grid of its root: the digits in which
# libraries of linear algebra differ must not decide anything
_FLOOR, _GRID = 1e-6, 2.0**-32
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
    best = min(_quadratic_potentials(*seen), key=lambda phi: float(np.mean(phi.gaps(*tuning))))
    standard = best.coordinates
    train = _Training(standard.of_latents(seen[0]), standard.of_data(seen[1]), rng)
    z, there = standard.of_latents(tuning[0]), standard.of_data(tuning[1])
    points, least = z.copy(), float(np.mean(best._evaluated(z)[0] + best._conjugates(there, z.copy())))
    for parameters in train.course():
        candidate = ConvexPotential(parameters.copy(), train.starts, standard)
        level = float(np.mean(candidate._evaluated(z)[0] + candidate._conjugates(there, points)))
        if level < least:
            best, least = candidate, level
        elif not np.isfinite(level):
            break
    return best


class _Training:
    """The course of the parameters."""

    def __init__(self, z: FloatArray, x: FloatArray, rng: np.random.Generator) -> None:
        self._z, self._x, self._rng, self._points = z, x, rng, z.copy()
        self.starts = np.concatenate([[0], np.cumsum(_SIZES)]).astype(np.int64)

    def course(self):
        """Yield the averaged parameters, some twenty times on the way."""
        n, d = self._z.shape
        batch = min(_BATCH, n)
        epochs = int(np.clip(_VISITS * min(1.0, _DIMENSIONS / d) / n, _FEWEST, _MOST))
        steps = np.arange(epochs * (n // batch))
        rates = _RATE * np.minimum(1.0, (steps + 1) / _WARM_UP) * 0.5 * (1.0 + np.cos(np.pi * steps / len(steps)))
        parameters = _first_parameters(d, self._rng)
        moments, average = np.zeros((3, len(parameters))), parameters.copy()
        for epoch, some in enumerate(np.split(rates, epochs)):
            order = self._rng.permutation(n)
            _kernels_dual.train(
                parameters, self.starts, self._z, self._x, self._points, order, batch, some, _NEWTON, _CONJUGATE,
                moments, average,
            )  # fmt: skip
            if (epoch + 1) % max(1, epochs // _LOOKS) == 0 or epoch + 1 == epochs:
                yield average


def _first_parameters(d: int, rng: np.random.Generator) -> FloatArray:
    """Return parameters with random directions, of which each group has its share of the mean curvature, one."""
    weights, offsets, levels = [], [], []
    probes = rng.standard_normal((256, d))
    for size in _SIZES:
        directions, places = rng.standard_normal((d, size)), 0.5 * rng.standard_normal(size)
        directions /= np.sqrt(np.sum(directions**2, axis=0))
        if size == 2:  # a ridge
            directions[:, 1], places[1] = -directions[:, 0], -places[0]
        u = _SHARPNESS * (np.einsum("ni,ik->nk", probes, directions) + places)
        shares = np.exp(u - u.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        mean = np.einsum("nk,ik->ni", shares, directions)  # the trace of the Hessian is that of a covariance
        trace = _SHARPNESS * (1.0 - float(np.mean(np.sum(mean**2, axis=1))))
        length = (1.0 - _ALPHA) * d / (len(_SIZES) * trace)
        weights.append(length * directions)
        offsets.append(length * places)
        levels.append(np.log(length / _SHARPNESS))
    return np.concatenate([np.hstack(weights).ravel(), *offsets, levels, np.zeros(d), [np.log(_ALPHA)]])


def _quadratic_potentials(y: FloatArray, x: FloatArray) -> list[ConvexPotential]:
    """Return the quadratic potential of the linear Monge map of Gelbrich's bound, and others between it and a scaling."""
    means = y.mean(axis=0), x.mean(axis=0)
    d = y.shape[1]
    spreads = tuple(float(np.sqrt(np.mean((rows - m) ** 2))) or 1.0 for rows, m in zip((y, x), means, strict=True))
    centred = [(rows - m) / s for rows, m, s in zip((y, x), means, spreads, strict=True)]
    covariances = [np.einsum("ni,nj->ij", rows, rows, optimize=False) / len(rows) for rows in centred]
    linear = _linear_monge_map(*covariances)
    scaling = np.trace(linear) / d * np.eye(d)
    parameters = np.zeros(d + 1)
    roots = [_power((1.0 - share) * linear + share * scaling, 0.5) for share in _SHRINKAGES]
    potentials = []
    for root in roots:
        rounded = np.rint(root / _GRID) * _GRID
        standard = Coordinates((means[0], means[1]), (spreads[0], spreads[1]), 0.5 * (rounded + rounded.T))
        potentials.append(ConvexPotential(parameters, _NONE, standard))
    return potentials


def _linear_monge_map(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return the symmetric map of a Gaussian of covariance `a` to one of covariance `b`."""
    root, other = _power(a, 0.5), _power(a, -0.5)
    return other @ _power(root @ b @ root, 0.5) @ other


def _power(matrix: FloatArray, exponent: float) -> FloatArray:
    """Return a power of a positive definite matrix; eigenvalues below the floor are raised to it."""
    values, vectors = np.linalg.eigh(0.5 * (matrix + matrix.T))
    floor = _FLOOR * max(float(values[-1]), _FLOOR)
    return (vectors * np.maximum(values, floor) ** exponent) @ vectors.T
