"""The report of a coupling: its cost beside the least cost, as a result that prints and draws itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from eulerot._summary import Shown
from eulerot.checks import checked_pairs
from eulerot.transport.cost import exact_cost_and_identity_share, lower_bound, transport_cost

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["DUAL_EXPLANATION", "EXPLANATION", "TransportReport", "closed_in_words", "closed_share", "transport_report"]

# Costs are exact to some roundings of the squares of the samples, of which they are differences
_ROUNDING = 1e-13
# Explains the measures to the readers of a page or a file
EXPLANATION = (
    "Cost is the mean squared distance from a latent to its sample, exact the optimum for the same two samples (linear "
    "programming), excess their difference, lower bound what moments alone prove. Closed is the share of the excess "
    "that is gone. Density error is the largest change of log density by the rearrangement."
)
# Explains the dual bound to the same readers
DUAL_EXPLANATION = (
    "The dual bound is one of the least cost between the laws, by a convex potential that has not seen the pairs it is "
    "measured on; certified is the share of what could be saved that is saved at least. In many dimensions the plan of "
    "the exact cost leaves most pairs alone, and the excess does not see there what could be saved: the bound does."
)


@dataclass(frozen=True)
class TransportReport(Shown):
    """The cost of a coupling beside what is possible; equations (14) and (15).

    Attributes
    ----------
    cost : float
        ``mean |x_i - y_i|^2``.
    exact : float
        The least cost of any coupling of the same two samples.
    excess : float
        ``cost - exact``, of centred samples, so that no shift swallows its digits: zero exactly when the coupling is
        cyclically monotone. What is no more than rounding of the costs is zero.
    lower_bound : float
        The Gelbrich bound from the samples' means and covariances.
    n : int
        The number of pairs.
    identity_share : float
        The share of the pairs that the optimal plan leaves as they are: where it is near one, as it is for most
        couplings in many dimensions, the excess says little. Not a number if it is not known.

    See Also
    --------
    eulerot.transport_report : Measure the cost of pairs.
    eulerot.FlowReport : What a twin gains, on fresh pairs.

    References
    ----------
    M. Gelbrich, Math. Nachr. 147:185 (1990), https://doi.org/10.1002/mana.19901470121.

    Examples
    --------
    >>> from eulerot import transport_report
    >>> print(transport_report([[0.0], [1.0]], [[1.0], [0.5]]))
    transport of 2 pairs
      cost             0.62500000
      exact            0.12500000
      excess           0.50000000   80.00 % of the cost
      lower bound      0.12500000
    """

    cost: float
    exact: float
    excess: float
    lower_bound: float
    n: int
    identity_share: float = float("nan")

    def __str__(self) -> str:
        """Return a small table, one measure a line."""
        share = f"   {100 * self.excess / self.cost:.2f} % of the cost" if self.cost > 0 else ""
        lines = [
            f"transport of {self.n} pairs",
            f"  cost         {self.cost:#14.8g}",
            f"  exact        {self.exact:#14.8g}",
            f"  excess       {self.excess:#14.8g}{share}",
            f"  lower bound  {self.lower_bound:#14.8g}",
        ]
        return "\n".join(lines)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the cost as a bar, split into the exact cost and the excess; needs matplotlib.

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

        return plotting.costs([self.exact], [self.excess], [self.lower_bound], ax=ax)


def closed_share(before: TransportReport, after: TransportReport) -> float:
    """Return the share of the excess that is gone, equation (14); not a number where there was none.

    Examples
    --------
    >>> apart = TransportReport(cost=2.0, exact=1.0, excess=1.0, lower_bound=0.9, n=100)
    >>> nearer = TransportReport(cost=1.25, exact=1.0, excess=0.25, lower_bound=0.9, n=100)
    >>> closed_share(apart, nearer), closed_in_words(apart, nearer), closed_in_words(nearer, apart)
    (0.75, '75.00%', 'worse: -300.00%')
    """
    return 1.0 - after.excess / before.excess if before.excess > 0 else float("nan")


def closed_in_words(before: TransportReport, after: TransportReport) -> str:
    """Return the share of the excess that is gone as it is printed, and a word where a share says nothing."""
    if before.excess == 0:
        return "already optimal" if after.excess == 0 else f"worse: {after.excess:.3g} from nothing"
    share = closed_share(before, after)
    return f"{share:.2%}" if share >= 0 else f"worse: {share:.2%}"


def transport_report(y: ArrayLike, x: ArrayLike, *, domain: str = "cube") -> TransportReport:
    """Measure a coupling: its cost, the exact optimum, the excess and the Gelbrich bound; equations (14) and (15).

    Quote the excess on pairs that no fit has seen, with their number.

    Parameters
    ----------
    y, x : array_like, shape (n, d)
        Pairs: row `i` of `x` is the image of row `i` of `y`, in the same units.
    domain : {"cube", "torus"}
        ``"torus"`` for angles.

    Returns
    -------
    TransportReport
        With fields ``cost``, ``exact``, ``excess``, ``lower_bound`` and ``n``.

    Raises
    ------
    ValueError
        If the arrays are not finite samples of one common shape.
    RuntimeError
        If the network simplex stops before it is optimal.

    See Also
    --------
    eulerot.TransportReport : The cost of pairs beside the optimum.
    eulerot.dual_bound : Bound the least cost from below.
    eulerot.transport.cost.exact_cost : The least cost of two samples.

    References
    ----------
    Bonneel, van de Panne, Paris, Heidrich, ACM Trans. Graphics 30:158 (2011), https://doi.org/10.1145/2070781.2024192.
    M. Gelbrich, Math. Nachr. 147:185 (1990), https://doi.org/10.1002/mana.19901470121.

    Examples
    --------
    >>> report = transport_report([[0.0], [1.0], [2.0]], [[3.0], [2.0], [4.0]])
    >>> report.n, round(report.exact, 12), round(report.excess, 12)
    (3, 4.0, 0.666666666667)
    """
    source, target = checked_pairs("y", y, "x", x)
    apart = np.zeros(source.shape[1])
    if domain == "cube":  # costs of centred samples lack the squared distance of the means, and keep their digits
        apart = target.mean(axis=0) - source.mean(axis=0)
        source, target = (rows - rows.mean(axis=0) for rows in (source, target))
    cost, shift = transport_cost(source, target, domain=domain), float(apart @ apart)
    # The rows are themselves a coupling, and the bound holds for samples: only round-off breaks this order.
    exact, alone = exact_cost_and_identity_share(source, target, domain=domain)
    exact = min(exact, cost)
    bound = min(lower_bound(source, target, domain=domain), exact)
    excess = cost - exact
    if excess <= _ROUNDING * float(np.mean(source**2) + np.mean(target**2)) * source.shape[1]:
        exact, excess, alone = cost, 0.0, 1.0
    return TransportReport(shift + cost, shift + exact, excess, shift + bound, len(source), alone)
