"""Draw points of the source, standard normal or uniform angles, and check that latents are such points."""

from __future__ import annotations

import math

import numpy as np
import scipy

from eulerot._types import FloatArray, Seed
from eulerot.checks import checked_count, checked_generator
from eulerot.errors import SourceError

__all__ = ["check_source", "log_normal", "normal_points", "random_source", "source_points"]

# How far latents may be from standard normal before it is plain: a distance of distribution functions, a ratio of
# standard deviations, a shift and a correlation. What chance does to few rows is added in quadrature
_DISTANCE, _DEVIATION, _SHIFT, _CORRELATION = 0.08, 1.2, 0.25, 0.15
# Where latents are cut for the test, so that a few rows that a flow inverted badly do not decide it
_FAR = 8.0
# The probability that a test refuses independent normal latents
_FALSE_ALARM = 1e-6
_ADVICE = "Standardise the base of the flow, or check the direction of its map."


def normal_points(n: int, dim: int, seed: Seed = 0) -> FloatArray:
    """Return `n` scrambled Sobol points through the normal quantile, shape ``(n, dim)``.

    Examples
    --------
    >>> normal_points(8, 2).shape
    (8, 2)
    """
    from scipy.stats import qmc  # half a second to import

    n = checked_count("n", n)
    sobol = qmc.Sobol(dim, scramble=True, rng=checked_generator("seed", seed))
    points = sobol.random_base2((n - 1).bit_length())[:n]
    return scipy.special.ndtri(np.clip(points, 2.0**-33, 1 - 2.0**-33))


def source_points(n: int, dim: int, seed: Seed = 0, *, domain: str = "cube") -> FloatArray:
    """Return `n` Sobol points of the source: standard normal, or uniform angles in ``[-pi, pi)`` on the torus.

    Examples
    --------
    >>> bool(np.abs(source_points(64, 2, domain="torus")).max() <= np.pi)
    True
    """
    points = normal_points(n, dim, seed)
    return points if domain == "cube" else 2 * math.pi * scipy.special.ndtr(points) - math.pi


def random_source(n: int, dim: int, seed: Seed = None, *, domain: str = "cube") -> FloatArray:
    """Return `n` independent points of the source."""
    n, rng = checked_count("n", n), checked_generator("seed", seed)
    return rng.standard_normal((n, dim)) if domain == "cube" else rng.uniform(-math.pi, math.pi, (n, dim))


def log_normal(z: FloatArray) -> FloatArray:
    """Return the log density of the standard normal at rows."""
    return -0.5 * np.sum(z**2, axis=1) - 0.5 * z.shape[1] * math.log(2 * math.pi)


def check_source(z: FloatArray, *, domain: str = "cube") -> None:
    """Raise `SourceError` where latents are plainly not standard normal; on the torus, not uniform angles.

    Latents found by inverting a trained flow are only nearly normal, so that the bounds are wide: for many rows, a
    distribution function within 0.08, a standard deviation between 0.83 and 1.2, means within 0.25, and correlations
    within 0.15, the last three of latents cut at 8, so that a few rows that a flow inverted badly do not decide. For
    few rows they are wider, by what chance does: of independent normal latents, of any number and dimension, each test
    refuses less than one sample in a million. Latents of `normal_points` pass. In many dimensions a few pairs of their
    columns are strongly correlated; with few rows for the dimension, only correlations of many columns are refused.

    Raises
    ------
    SourceError
        With the statistic that gave it away.

    Examples
    --------
    >>> check_source(normal_points(256, 2))
    >>> check_source(3 * normal_points(256, 2))
    Traceback (most recent call last):
    ...
    eulerot.errors.SourceError: z: expected standard normal latents; got a Kolmogorov-Smirnov distance of 0.24...
    """
    if domain == "torus":
        _check_uniform(z)
    elif len(z) > 1:
        _check_columns(z)
        z = np.clip(z, -_FAR, _FAR)
        _check_scale(z)
        if z.shape[1] > 1:
            _check_correlations(z)


def _check_columns(z: FloatArray) -> None:
    """Raise where a column is constant, or its distribution function is far from that of the standard normal."""
    n, dim = z.shape
    allowed = math.hypot(_DISTANCE, math.sqrt(_surprise(2 * dim) / (2 * n)))  # by Massart's inequality
    for axis, column in enumerate(z.T):
        if np.ptp(column) == 0:
            raise SourceError(
                f"z: expected standard normal latents; got {column[0]:g} in all rows of column {axis}. Pass the "
                "latents that the data are images of."
            )
        share = scipy.special.ndtr(np.sort(column))
        distance = max(np.max(np.arange(1, n + 1) / n - share), np.max(share - np.arange(n) / n))
        if distance > allowed:
            raise SourceError(
                f"z: expected standard normal latents; got a Kolmogorov-Smirnov distance of {distance:.3f} from "
                f"N(0, 1) in column {axis} (mean {column.mean():.3g}, standard deviation {column.std():.3g}), above "
                f"{allowed:.3f}. {_ADVICE}"
            )


def _check_scale(z: FloatArray) -> None:
    """Raise where columns are too wide or too narrow, each alone or all together, or where all are shifted."""
    (n, dim), squares = z.shape, np.var(z, axis=0)
    for square, terms, where in (
        (squares.max(), n, f"in column {int(np.argmax(squares))}"),
        (squares.min(), n, f"in column {int(np.argmin(squares))}"),
        (squares.mean(), n * dim, "over all columns"),
    ):
        more, less = _chi_square_bounds(terms, 4 * dim)
        if not -math.hypot(1 - _DEVIATION**-2, less) <= square - 1 <= math.hypot(_DEVIATION**2 - 1, more):
            raise SourceError(
                f"z: expected standard normal latents; got a standard deviation of {math.sqrt(square):.3f} {where} of "
                f"{n} rows. {_ADVICE}"
            )
    shift = math.sqrt(np.mean(np.mean(z, axis=0) ** 2))
    if shift > math.hypot(_SHIFT, math.sqrt((1 + _chi_square_bounds(dim, 1)[0]) / n)):
        raise SourceError(
            f"z: expected standard normal latents; got columns whose means are {shift:.3f} in the root mean square. "
            f"{_ADVICE}"
        )


def _check_correlations(z: FloatArray) -> None:
    """Raise where a pair of columns is plainly correlated, or many are and vary far too much in a direction."""
    n, dim = z.shape
    correlations = np.corrcoef(z, rowvar=False)
    largest = np.abs(correlations - np.eye(dim)).max()
    allowed = math.hypot(_CORRELATION, math.sqrt(2 * _surprise(dim**2) / n))
    # in many dimensions a few pairs of columns of a Sobol sequence are strongly correlated
    if largest > max(allowed, 1.5 * math.sqrt(dim / n)):
        raise SourceError(f"z: expected independent columns; got a correlation of {largest:.3f}. Whiten the latents.")
    variance = float(np.linalg.eigvalsh(correlations)[-1])
    if variance > 1.25 * (1 + math.sqrt(dim / n) + math.sqrt(2 * _surprise(1) / n)) ** 2:  # Davidson and Szarek
        raise SourceError(
            f"z: expected independent columns; got a direction in which the standardised columns have a variance of "
            f"{variance:.3f}, not one. Whiten the latents."
        )


def _surprise(trials: int) -> float:
    """Return ``log(1 / p)`` for the probability `p` that each of several trials may have of a false alarm."""
    return math.log(trials / _FALSE_ALARM)


def _chi_square_bounds(terms: int, trials: int) -> tuple[float, float]:
    """Return how far above and below one the mean of squares of normal numbers may be, by Laurent and Massart."""
    t = _surprise(trials)
    return 2 * math.sqrt(t / terms) + 2 * t / terms, 2 * math.sqrt(t / terms)


def _check_uniform(z: FloatArray) -> None:
    """Raise where the first moments ``mean exp(i k . z)`` of angles, zero for uniform ones, are not small."""
    orders = np.concatenate([np.eye(z.shape[1]), 2 * np.eye(z.shape[1]), np.ones((1, z.shape[1]))])
    moments = np.abs(np.mean(np.exp(1j * z @ orders.T), axis=0))
    allowed = 0.12 + 4.0 / math.sqrt(len(z))
    if moments.max() > allowed:
        worst = orders[int(np.argmax(moments))].astype(int)
        raise SourceError(
            f"z: expected uniform angles of period 2 pi; got a mean of exp(i k . z) of size {moments.max():.3f} for "
            f"k = {worst}, above {allowed:.3f}. Pass angles in radians of a flow with a uniform base, or domain='cube'."
        )
