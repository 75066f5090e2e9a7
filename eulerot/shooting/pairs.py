"""The pairs of a fit: their unit, their split, and warnings of those whose fit should be trusted less."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np

from eulerot._types import FloatArray, Seed
from eulerot.errors import SampleWarning
from eulerot.transport.cost import transport_cost

__all__ = ["DataUnit", "Pairs", "split_pairs", "spread", "warn_of_pairs"]

# Latents and their data, row by row
Pairs = tuple[FloatArray, FloatArray]

# In units of the spread. A shift of a million spreads leaves 1e-10 of a value: it falls on another multiple in one of
# a million cases. The rounding itself is far below what any number of pairs can tell
QUANTUM = 2.0**-14
# Where the lines are drawn was measured by validation/robustness/caution.py
_FEWEST_HELD_OUT = 32
_REPEATED = 0.01
_HEAVY = 0.3


def spread(x: FloatArray) -> float:
    """Return the unit of the data: the root of the mean squared distance to their mean.

    Examples
    --------
    >>> spread(np.array([[1.0, 0.0], [-1.0, 0.0]]))
    1.0
    """
    return float(np.sqrt(np.mean(np.sum((x - x.mean(axis=0)) ** 2, axis=1)))) or 1.0


@dataclass(frozen=True)
class DataUnit:
    """The shift and the scale of data, on which no fit depends; equation (22).

    A fit sees data less their mean in units of their spread, rounded to `QUANTUM`: the digits that a shift, or a scale
    that is no power of two, takes away or leaves must not decide where an optimiser ends.

    Parameters
    ----------
    mean : ndarray, shape (d,), or None
        The mean of the data; None for angles, whose unit is the radian.
    spread : float
        Their `spread`.

    Examples
    --------
    >>> x = np.array([[1.0, 0.0], [-1.0, 0.0]])
    >>> DataUnit.of(100 * x + 7).standardised(100 * x + 7)
    array([[ 1.,  0.],
           [-1.,  0.]])
    """

    mean: FloatArray | None
    spread: float

    @classmethod
    def of(cls, x: FloatArray, *, domain: str = "cube") -> DataUnit:
        """Return the unit of data."""
        return cls(None, 1.0) if domain == "torus" else cls(x.mean(axis=0), spread(x))

    def standardised(self, x: FloatArray) -> FloatArray:
        """Return data in this unit."""
        if self.mean is None:
            return x
        return np.rint((x - self.mean) / (self.spread * QUANTUM)) * QUANTUM

    def mean_square(self, y: FloatArray, x: FloatArray) -> float:
        """Return the mean of ``|x - y|^2`` in the units of the data, given latents and standardised data."""
        if self.mean is None:
            return transport_cost(y, x, domain="torus")
        apart = self.spread * x - y
        return float(self.mean @ self.mean + np.mean(np.sum(apart**2, axis=1)))

    def cost(self, standardised: float, x: FloatArray) -> float:
        """Return a cost in the units of the data, given that of standardised data `x`.

        Both are ``E|x|^2 - 2 E x . s + d``, in which only the first two terms depend on the unit. The distance of the
        means counts where `x` are all coordinates, not those of a plane.
        """
        if self.mean is None:
            return standardised
        square, dim = float(np.mean(np.sum(x**2, axis=1))), x.shape[1]
        apart = float(self.mean @ self.mean) if dim == len(self.mean) else 0.0
        return apart + self.spread**2 * square + self.spread * (standardised - square - dim) + dim


def split_pairs(z: FloatArray, x: FloatArray, *, held_out: float, seed: Seed) -> tuple[Pairs, Pairs]:
    """Return the pairs to fit to and the held-out pairs, chosen at random.

    Examples
    --------
    >>> train, held = split_pairs(np.zeros((8, 2)), np.zeros((8, 2)), held_out=0.25, seed=0)
    >>> len(train[0]), len(held[0])
    (6, 2)
    """
    order = np.random.default_rng(seed).permutation(len(z))
    n_held = min(max(1, round(held_out * len(z))), len(z) - 1)
    train, held = np.sort(order[n_held:]), np.sort(order[:n_held])
    return (z[train], x[train]), (z[held], x[held])


def warn_of_pairs(z: FloatArray, x: FloatArray, *, n_held_out: int) -> None:
    """Warn, by `SampleWarning`, of pairs whose fit should be trusted less.

    Parameters
    ----------
    z, x : ndarray, shape (n, d)
        Latents and data.
    n_held_out : int
        How many of them are held out.

    Warns
    -----
    SampleWarning
        If few pairs are held out, if latents are repeated, or if a hundredth of the data carries a large share of their
        squared distance to the mean.

    Examples
    --------
    >>> z = np.random.default_rng(0).standard_normal((1000, 2))
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     warn_of_pairs(z, np.exp(3 * z), n_held_out=100)
    >>> print(caught[0].message)
    x: expected tails that a mean of squares can bear; got 10 rows of 1000 with 89% of the squared distance...
    """
    for words in (_of_few(len(z), n_held_out), _of_repeated(z), _of_heavy(x)):
        if words:
            warnings.warn(words, SampleWarning, stacklevel=4)  # the caller of fit, or of rearrange


def _of_few(n: int, n_held_out: int) -> str:
    if n_held_out >= _FEWEST_HELD_OUT:
        return ""
    return (
        f"held_out: expected at least {_FEWEST_HELD_OUT} held-out pairs; got {n_held_out} of {n}. What they choose, "
        "and the costs that they give, are mostly noise. Pass more pairs, or raise held_out."
    )


def _of_repeated(z: FloatArray) -> str:
    repeated = len(z) - len(np.unique(z, axis=0))
    if repeated <= _REPEATED * len(z):
        return ""
    return (
        f"z: expected distinct latents; got {repeated} rows of {len(z)} that repeat another. Repeated pairs are on "
        "both sides of the split: held-out costs are too good, and choose too rough a map. Drop the repetitions."
    )


def _of_heavy(x: FloatArray) -> str:
    far = np.sort(np.sum((x - x.mean(axis=0)) ** 2, axis=1))
    few = math.ceil(0.01 * len(x))
    share = far[-few:].sum() / (far.sum() or 1.0)
    if share <= _HEAVY:
        return ""
    return (
        f"x: expected tails that a mean of squares can bear; got {few} rows of {len(x)} with {share:.0%} of the "
        "squared distance to the mean. They decide the fit, and costs on other samples will differ much. Pass more "
        "pairs, or transform the data first."
    )
