"""The report of a rearranged flow: its transport before and after, on fresh pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eulerot.transport.report import TransportReport, closed_in_words, closed_share

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["FlowReport"]

CHANGED = 1e-4  # the change of a flow that is worth a line, relative to its scale; single precision rounds to 1e-7


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
        The maps of the flow that were used, and what was done about its base, in words.
    reflected : bool
        Whether the flow reverses orientation, so that the rearrangement begins with a reflection; equation (23).
    flow_change : float
        How far the flow has moved the data of a few latents since its rearrangement was fitted, root mean square; not
        a number if that is not known.
    geodesic_error : float
        The largest distance of a geodesic's map from that of the Euler equations, of its displacement; equation (20).
    """

    before: TransportReport
    after: TransportReport
    density_error: float
    asymmetry_before: float
    asymmetry_after: float
    map: str = "the maps of the flow"
    reflected: bool = False
    flow_change: float = float("nan")
    geodesic_error: float = float("nan")

    @property
    def closed(self) -> float:
        """The share of the excess that is gone, equation (14); not a number where there was none."""
        return closed_share(self.before, self.after)

    @property
    def cost(self) -> float:
        """The cost after the rearrangement."""
        return self.after.cost

    @property
    def exact(self) -> float:
        """The exact optimum of the pairs after the rearrangement."""
        return self.after.exact

    @property
    def excess(self) -> float:
        """The excess after the rearrangement."""
        return self.after.excess

    @property
    def lower_bound(self) -> float:
        """The Gelbrich bound of the pairs after the rearrangement."""
        return self.after.lower_bound

    @property
    def n(self) -> int:
        """The number of pairs."""
        return self.after.n

    @property
    def changed(self) -> str:
        """Whether the flow has changed since its fit, in words; empty if it has not."""
        if not self.flow_change > CHANGED * np.sqrt(self.after.cost + 1):
            return ""
        return (
            f"the flow has changed since its rearrangement was fitted: its data moved by {self.flow_change:.3g} "
            "(root mean square). Rearrange it again."
        )

    def __str__(self) -> str:
        rows = [("", "before", "after")]
        for name in ("cost", "exact", "excess", "lower_bound"):
            label = name.replace("_", " ")
            rows.append((label, f"{getattr(self.before, name):.5f}", f"{getattr(self.after, name):.5f}"))
        rows.append(("asymmetry", f"{self.asymmetry_before:.4f}", f"{self.asymmetry_after:.4f}"))
        lines = [f"{label:<14}{before:>10}{after:>10}" for label, before, after in rows]
        lines.append(f"{'closed':<14}{closed_in_words(self.before, self.after):>20}")
        lines.append(f"{'density error':<14}{self.density_error:>20.1e}")
        lines.append(f"{'geodesic error':<14}{self.geodesic_error:>20.1e}")
        lines.append(f"{'pairs':<14}{self.n:>20d}")
        lines.append(f"map: {self.map}")
        if self.reflected:
            lines.append("orientation: the flow reverses it; the latents are reflected first")
        if self.changed:
            lines.append(self.changed)
        return "\n".join(lines)

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw the costs before and after."""
        from eulerot import plotting

        both = self.before, self.after
        exact, excess, bound = ([getattr(r, name) for r in both] for name in ("exact", "excess", "lower_bound"))
        return plotting.costs(exact, excess, bound, labels=("before", "after"), ax=ax)
