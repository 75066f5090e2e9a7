"""Select the planes of a sweep that held-out pairs have gained from, by tests that count how many planes were tried."""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import NDArray

from eulerot._types import FloatArray

__all__ = ["significant", "standard_score"]


def standard_score(gains: FloatArray) -> float:
    """Return the mean of gains of independent pairs in units of its standard error; zero for gains that are all zero.

    Examples
    --------
    >>> round(standard_score(np.array([0.0, 1.0, 2.0])), 12)
    1.732050807569
    """
    if len(gains) < 2 or not gains.any():
        return 0.0
    error = gains.std(ddof=1) / np.sqrt(len(gains))
    return float(np.divide(gains.mean(), error)) if error > 0 else float(np.copysign(np.inf, gains.mean()))


def significant(gains: list[FloatArray], trials: int, *, share: float) -> NDArray[np.intp]:
    """Return which of several mean gains are no matter of chance, by the rule of Benjamini and Hochberg.

    Among those that are returned, the share without a gain on fresh pairs is at most `share` in expectation.

    Parameters
    ----------
    gains : list of ndarray, shape (pairs,)
        The gains of held-out pairs for each trial.
    trials : int
        How many trials there were; more than gains, if some were given up before.
    share : float
        The share of false discoveries.

    References
    ----------
    Benjamini, Hochberg, J. R. Stat. Soc. B 57:289, 1995, https://doi.org/10.1111/j.2517-6161.1995.tb02031.x

    Examples
    --------
    >>> noise = np.random.default_rng(0).standard_normal((3, 100))
    >>> significant(list(noise + [[0.0], [1.0], [0.5]]), 3, share=0.2)
    array([1, 2])
    """
    chances = np.array([scipy.special.stdtr(max(len(each) - 1, 1), -standard_score(each)) for each in gains])
    order = np.argsort(chances, kind="stable")
    passed = np.flatnonzero(chances[order] <= share * np.arange(1, len(gains) + 1) / trials)
    return np.sort(order[: passed[-1] + 1 if len(passed) else 0])
