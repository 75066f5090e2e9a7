"""What is measured of couplings and of flows, as results that print and draw themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["EXPLANATION", "FlowReport", "TransportReport", "closed_share"]

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

        return plotting.costs(self, ax=ax)


def closed_share(before: TransportReport, after: TransportReport) -> float:
    """Return the share of the excess that is gone, equation (14)."""
    return 1.0 - after.excess / before.excess if before.excess > 0 else 0.0


@dataclass(frozen=True)
class FlowReport:
    """The transport of a flow before and after its rearrangement, on pairs that the fit has not seen.

    Attributes
    ----------
    before, after : TransportReport
        The measures of the pairs ``(z, f(z))`` and ``(s(z), f(z))``.
    density_error : float
        ``max |log |det DX_1||``, equation (16).
    asymmetry_before, asymmetry_after : float
        ``|Dg - Dg^T| / |Dg|`` of the flow and of the rearranged flow, equation (17); zero for a Monge map.
    map : str
        Which maps of the flow were used, and what was done about its base, in words.
    """

    before: TransportReport
    after: TransportReport
    density_error: float
    asymmetry_before: float
    asymmetry_after: float
    map: str = "the maps of the flow"

    @property
    def closed(self) -> float:
        """The share of the excess that is gone, equation (14)."""
        return closed_share(self.before, self.after)

    @property
    def cost(self) -> float:
        """The cost after."""
        return self.after.cost

    @property
    def exact(self) -> float:
        """The exact optimum of the pairs after."""
        return self.after.exact

    @property
    def excess(self) -> float:
        """The excess after."""
        return self.after.excess

    @property
    def lower_bound(self) -> float:
        """The Gelbrich bound of the pairs after."""
        return self.after.lower_bound

    @property
    def n(self) -> int:
        """The number of pairs."""
        return self.after.n

    def __str__(self) -> str:
        rows = [("", "before", "after")]
        for name in ("cost", "exact", "excess", "lower_bound"):
            label = name.replace("_", " ")
            rows.append((label, f"{getattr(self.before, name):.5f}", f"{getattr(self.after, name):.5f}"))
        rows.append(("asymmetry", f"{self.asymmetry_before:.4f}", f"{self.asymmetry_after:.4f}"))
        lines = [f"{label:<14}{before:>10}{after:>10}" for label, before, after in rows]
        lines.append(f"{'closed':<14}{self.closed:>20.2%}")
        lines.append(f"{'density error':<14}{self.density_error:>20.1e}")
        lines.append(f"{'pairs':<14}{self.n:>20d}")
        lines.append(f"map: {self.map}")
        return "\n".join(lines)

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw the costs before and after."""
        from eulerot import plotting

        return plotting.costs(self.before, self.after, ax=ax)
