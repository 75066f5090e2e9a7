"""Keep most of many pairs in reserve: a fit begins with a part of them, and asks for more while that pays."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from eulerot.shooting.pairs import Pairs

__all__ = ["Reserve"]


@dataclass
class Reserve:
    """Hand out pairs of a sample, each of them once, in an order drawn at random.

    Parameters
    ----------
    pairs : Pairs
        All of them.

    Examples
    --------
    >>> reserve = Reserve((np.zeros((10, 2)), np.ones((10, 2))))
    >>> [len(reserve(6)[0]) for _ in range(3)]
    [6, 4, 0]
    """

    pairs: Pairs
    _order: NDArray[np.intp] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # the pairs may be sorted, but no part of them should be
        self._order = np.random.default_rng(0).permutation(len(self.pairs[0]))

    @property
    def left(self) -> int:
        """How many pairs are left."""
        return len(self._order)

    def __call__(self, n: int) -> Pairs:
        """Return at most `n` pairs that were not handed out before."""
        rows, self._order = np.sort(self._order[:n]), self._order[n:]
        z, x = self.pairs
        return z[rows], x[rows]
