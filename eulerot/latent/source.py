"""Draw points of the source, standard normal or uniform angles, and check that latents are such points."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtr, ndtri

from eulerot._types import FloatArray, Seed
from eulerot.checks import checked_count, checked_generator
from eulerot.errors import SourceError

__all__ = ["check_source", "log_normal", "normal_points", "random_source", "source_points"]


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
    return ndtri(np.clip(points, 2.0**-33, 1 - 2.0**-33))


def source_points(n: int, dim: int, seed: Seed = 0, *, domain: str = "cube") -> FloatArray:
    """Return `n` Sobol points of the source: standard normal, or uniform angles in ``[-pi, pi)`` on the torus.

    Examples
    --------
    >>> bool(np.abs(source_points(64, 2, domain="torus")).max() <= np.pi)
    True
    """
    points = normal_points(n, dim, seed)
    return points if domain == "cube" else 2 * math.pi * ndtr(points) - math.pi


def random_source(n: int, dim: int, seed: Seed = None, *, domain: str = "cube") -> FloatArray:
    """Return `n` independent points of the source."""
    n, rng = checked_count("n", n), checked_generator("seed", seed)
    return rng.standard_normal((n, dim)) if domain == "cube" else rng.uniform(-math.pi, math.pi, (n, dim))


def log_normal(z: FloatArray) -> FloatArray:
    """Return the log density of the standard normal at rows."""
    return -0.5 * np.sum(z**2, axis=1) - 0.5 * z.shape[1] * math.log(2 * math.pi)


def check_source(z: FloatArray, *, domain: str = "cube") -> None:
    """Raise `SourceError` where latents are plainly not standard normal; on the torus, not uniform angles.

    Latents found by inverting a trained flow are only nearly normal, so that the bounds are wide.

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
    from scipy.stats import kstest  # half a second to import

    n = len(z)
    if domain == "torus":
        _check_uniform(z)
        return
    for axis, column in enumerate(z.T):
        if n > 1 and np.ptp(column) == 0:
            raise SourceError(
                f"z: expected standard normal latents; got {column[0]:g} in all rows of column {axis}. Pass the "
                "latents that the data are images of."
            )
        distance = kstest(column, "norm").statistic
        allowed = 0.08 + 2.0 / math.sqrt(n)
        if distance > allowed:
            raise SourceError(
                f"z: expected standard normal latents; got a Kolmogorov-Smirnov distance of {distance:.3f} from "
                f"N(0, 1) in column {axis} (mean {column.mean():.3g}, standard deviation {column.std():.3g}), above "
                f"{allowed:.3f}. Standardise the base of the flow, or check the direction of its map."
            )
    if n < 2 or z.shape[1] < 2:
        return
    correlation = np.abs(np.corrcoef(z.T) - np.eye(z.shape[1])).max()
    if correlation > 0.15 + 4.0 / math.sqrt(n):
        raise SourceError(
            f"z: expected independent columns; got a correlation of {correlation:.3f}. Whiten the latents."
        )


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
