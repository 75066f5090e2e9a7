"""The report of a coupling: its cost beside the least cost, as a result that prints and draws itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from eulerot.checks import checked_pairs
from eulerot.transport.cost import exact_cost, lower_bound, transport_cost

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["EXPLANATION", "TransportReport", "closed_share", "transport_report"]

# Of the measures, for readers of a page or a file
EXPLANATION = (
    "Cost is the mean squared distance from a latent to its sample, exact the optimum for the same two samples (linear "
    "programming), excess their difference, lower bound what moments alone prove. Closed is the share of the excess "
    "that is gone. Density error is the largest change of log density by the rearrangement."
)


@dataclass(frozen=True)
class TransportReport:
    """The cost of a coupling beside what is possible; equations (14) and (15).

    Attributes
    ----------
    cost : float
        ``mean |x_i - y_i|^2``.
    exact : float
        The least cost of any coupling of the same two samples.
    excess : float
        ``cost - exact``: zero exactly when the coupling is cyclically monotone.
    lower_bound : float
        The Gelbrich bound from the samples' means and covariances.
    n : int
        The number of pairs.
    """

    cost: float
    exact: float
    excess: float
    lower_bound: float
    n: int

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
        """
        from eulerot import plotting

        return plotting.costs([self.exact], [self.excess], [self.lower_bound], ax=ax)


def closed_share(before: TransportReport, after: TransportReport) -> float:
    """Return the share of the excess that is gone, equation (14)."""
    return 1.0 - after.excess / before.excess if before.excess > 0 else 0.0


def transport_report(y: ArrayLike, x: ArrayLike, *, domain: str = "cube") -> TransportReport:
    """Measure a coupling: its cost, the exact optimum, the excess and the Gelbrich bound; section 4.

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

    Examples
    --------
    >>> report = transport_report([[0.0], [1.0], [2.0]], [[3.0], [2.0], [4.0]])
    >>> report.n, round(report.exact, 12), round(report.excess, 12)
    (3, 4.0, 0.666666666667)
    """
    source, target = checked_pairs("y", y, "x", x)
    cost = transport_cost(source, target, domain=domain)
    # The rows are themselves a coupling, and the bound holds for samples: only round-off breaks this order.
    exact = min(exact_cost(source, target, domain=domain), cost)
    bound = min(lower_bound(source, target, domain=domain), exact)
    return TransportReport(cost=cost, exact=exact, excess=cost - exact, lower_bound=bound, n=len(source))
