"""A lower bound of the least transport cost by duality, in any dimension; equation (24)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from eulerot._summary import Shown
from eulerot._threads import run_tasks
from eulerot._types import FloatArray, Seed
from eulerot.checks import checked_generator, checked_pairs, checked_threads
from eulerot.transport.convex_potential import ConvexPotential
from eulerot.transport.potential_training import trained_potential

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["FEWEST", "DualBound", "dual_bound"]

FEWEST = 16  # pairs, to train on and to measure


@dataclass(frozen=True)
class DualBound(Shown):
    """A lower bound of the least cost between the laws of latents and data; equation (24).

    Attributes
    ----------
    value : float
        The bound, ``cost - gap``, in squared units of the samples: a mean over pairs whose expectation is at most W2^2.
    standard_error : float
        That of `value` as a mean over independent pairs. Most of it is the noise of the cost itself.
    gap : float
        The mean duality gap ``2 (phi(y) + phi*(x) - x . y)`` of the pairs: so far at most, in expectation, their
        coupling is from the optimum.
    gap_standard_error : float
        That of `gap`; it is small where the coupling is nearly optimal, for every single gap then is.
    cost : float
        The mean squared distance of the pairs, equation (14).
    n : int
        The number of pairs. Each is measured by a potential that was trained on others.
    gaps : ndarray, shape (n,)
        The gap of each pair, never negative; zero where the pair is optimal by the potential.
    potentials : tuple of ConvexPotential
        Those trained on either half of the pairs.

    See Also
    --------
    eulerot.dual_bound : Bound the least cost from below.
    eulerot.TransportReport : The cost of pairs beside the optimum.

    References
    ----------
    Y. Brenier, Comm. Pure Appl. Math. 44:375 (1991), https://doi.org/10.1002/cpa.3160440402.

    Examples
    --------
    >>> from eulerot import dual_bound
    >>> bound = dual_bound(*np.random.default_rng(0).standard_normal((2, 64, 1)))
    >>> bound.value == bound.cost - bound.gap
    True
    """

    value: float
    standard_error: float
    gap: float
    gap_standard_error: float
    cost: float
    n: int
    gaps: FloatArray = field(repr=False, compare=False)
    potentials: tuple[ConvexPotential, ...] = field(repr=False, compare=False)

    def closed(self, cost_before: float) -> float:
        """Return the share of what could be saved that is certified to be saved, ``1 - gap / (cost_before - value)``.

        Parameters
        ----------
        cost_before : float
            The cost of the *same data* in the coupling that there was before: then the noise of the data cancels. The
            share is that of the least cost between the laws, or less; it is not a number where nothing could be saved.

        Examples
        --------
        >>> bound = DualBound(1.9, 0.02, 0.1, 0.01, 2.0, 64, np.full(64, 0.1), ())
        >>> round(bound.closed(2.9), 12)
        0.9
        """
        possible = cost_before - self.value
        return 1.0 - self.gap / possible if possible > 0 else float("nan")

    def closed_in_words(self, cost_before: float) -> str:
        """Return the certified share as it is printed, and words where nothing is certified."""
        share = self.closed(cost_before)
        if np.isnan(share):
            return "nothing to save"
        return f"at least {share:.2%}" if share > 0 else "none"

    @property
    def in_words(self) -> str:
        """The bound and its standard error as they are printed."""
        return f"{self.value:.4f} +- {self.standard_error:.4f}"

    @property
    def numbers(self) -> dict[str, float]:
        """The measures by their names, without those of single pairs."""
        names = ("value", "standard_error", "gap", "gap_standard_error", "cost", "n")
        return {name: getattr(self, name) for name in names}

    def __str__(self) -> str:
        """Return a small table, one measure a line."""
        share = f"   {100 * self.gap / self.cost:.2f} % of the cost" if self.cost > 0 else ""
        return "\n".join(
            [
                f"dual bound of {self.n} pairs",
                f"  cost         {self.cost:#14.8g}",
                f"  gap          {self.gap:#14.8g} +- {self.gap_standard_error:.1e}{share}",
                f"  dual bound   {self.value:#14.8g} +- {self.standard_error:.1e}",
            ]
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the distribution of the gaps; needs matplotlib.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure if not given.

        Returns
        -------
        matplotlib.axes.Axes
            The axes that were drawn into.
        """
        from eulerot import plotting

        return plotting.gaps(self.gaps, ax=ax)


def dual_bound(y: ArrayLike, x: ArrayLike, *, seed: Seed = 0) -> DualBound:
    r"""Return a lower bound of W2^2 between the laws of latents and data, in any dimension; equation (24).

    For any convex ``phi``, by Kantorovich's duality::

        W2^2 >= E|y|^2 + E|x|^2 - 2 E phi(y) - 2 E phi*(x) = E|x - y|^2 - E gap,
        gap = 2 (phi(y) + phi*(x) - x . y) >= 0,                                                   (24)

    whatever the coupling of the pairs. A smooth convex potential is trained on each half of the pairs and measured on
    the other: it has not seen the pairs that it is measured on, so that the mean is no better than it should be. Among
    its candidates is the quadratic potential, which proves Gelbrich's bound. The nearer the coupling is to the optimum,
    the less noise there is in the gaps.

    Parameters
    ----------
    y, x : array_like, shape (n, d)
        Pairs, row by row, independent of each other: latents and their data. At least 16.
    seed : int
        Decides the halves, and the start and the order of the training.

    Returns
    -------
    DualBound
        With fields ``value``, ``standard_error``, ``gap``, ``gaps`` and others.

    Raises
    ------
    ValueError
        If the arrays are not finite samples of one common shape, or of fewer than 16 pairs.

    See Also
    --------
    eulerot.DualBound : A bound of the least cost.
    eulerot.transport_report : Measure the cost of pairs.
    eulerot.transport.convex_potential.ConvexPotential : The potential of the dual bound.

    Notes
    -----
    The bound is of the *laws*, not of the samples: unlike the excess of a sample it sees in many dimensions. It holds
    for distances in space, not for angles. Memory is linear in the pairs. The halves are trained side by side on two
    threads, if there are two; the result does not depend on it. It depends on the data only up to a shift and a scale.

    References
    ----------
    Brenier, Comm. Pure Appl. Math. 44:375, 1991, https://doi.org/10.1002/cpa.3160440402;
    Makkuva, Taghvaei, Oh, Lee, ICML 2020, https://arxiv.org/abs/1908.10962

    Examples
    --------
    >>> y = np.random.default_rng(0).standard_normal((512, 2))
    >>> bound = dual_bound(y, 2.0 * y + np.tanh(y))
    >>> bound.n, bool(bound.gap < 1e-3 * bound.cost), bool(bound.gaps.min() >= 0)
    (512, True, True)
    """
    latents, data = checked_pairs("y", y, "x", x)
    n = len(latents)
    if n < FEWEST:
        raise ValueError(f"y, x: expected at least {FEWEST} pairs, to train on and to measure; got {n}. Pass more.")
    rng = checked_generator("seed", seed)
    halves = np.array_split(rng.permutation(n), 2)
    trained_on = [np.sort(half) for half in reversed(halves)]
    generators = [np.random.default_rng(each) for each in rng.integers(2**63, size=2)]
    tasks = [
        partial(_measured, latents, data, trained, np.sort(half), each)
        for trained, half, each in zip(trained_on, halves, generators, strict=True)
    ]
    results = run_tasks(tasks, min(2, checked_threads(None)))
    gaps = np.empty(n)
    for half, (_, some) in zip(halves, results, strict=True):
        gaps[np.sort(half)] = some
    return _bound(_costs(latents, data), gaps, tuple(potential for potential, _ in results))


def _measured(
    y: FloatArray, x: FloatArray, trained_on: np.ndarray, rows: np.ndarray, rng: np.random.Generator
) -> tuple[ConvexPotential, FloatArray]:
    """Return a potential trained on some of the pairs, and the gaps of other ones."""
    potential = trained_potential(y[trained_on], x[trained_on], rng)
    return potential, potential.gaps(y[rows], x[rows])


def _costs(y: FloatArray, x: FloatArray) -> FloatArray:
    """Return ``|x - y|^2`` of each pair; the shift apart from the rest, so that the mean keeps its digits."""
    shift = x.mean(axis=0) - y.mean(axis=0)
    apart = (x - x.mean(axis=0)) - (y - y.mean(axis=0))
    return float(shift @ shift) + (2.0 * np.einsum("ni,i->n", apart, shift) + np.einsum("ni,ni->n", apart, apart))


def _bound(costs: FloatArray, gaps: FloatArray, potentials: tuple[ConvexPotential, ...]) -> DualBound:
    n = len(costs)
    cost, gap = float(np.mean(costs)), float(np.mean(gaps))
    errors = [float(np.std(each, ddof=1) / np.sqrt(n)) for each in (costs - gaps, gaps)]
    return DualBound(cost - gap, errors[0], gap, errors[1], cost, n, gaps, potentials)
