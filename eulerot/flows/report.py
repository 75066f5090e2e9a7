"""The report of a rearranged flow: its transport before and after, on fresh pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eulerot._summary import Shown
from eulerot.transport.dual import DualBound
from eulerot.transport.report import TransportReport, closed_in_words, closed_share

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["MANY", "FlowReport", "unseen"]

MANY = 4  # dimensions from which on the excess of a sample is blind
CHANGED = 1e-4  # the change of a flow that is worth a line, relative to its scale; single precision rounds to 1e-7


def unseen(before: TransportReport, after: TransportReport) -> str:
    """Return what the excess does not see in many dimensions, in words; empty if it is not known."""
    shares = before.identity_share, after.identity_share
    if np.isnan(shares).any():
        return ""
    return (
        f"excess: the best plan of these pairs leaves {shares[0]:.0%} of them alone before, {shares[1]:.0%} after; "
        "what could be saved there it does not see"
    )


@dataclass(frozen=True)
class FlowReport(Shown):
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
    dual : DualBound or None
        The dual bound of the pairs after the rearrangement, equation (24); None on the torus and for very few pairs.
    conditional_planes : int
        The planes of the map whose stream functions depend on the other coordinates, which are no geodesics; equation
        (28). The error of geodesics says nothing of them.
    dim : int
        The dimension. From four on the printed report begins with what is certified, and says what the excess does not
        see.
    domain : {"cube", "torus"}
        ``"torus"`` for angles, of which there is no dual bound.

    See Also
    --------
    eulerot.RearrangedFlow : The twin of a flow.
    eulerot.TransportReport : The cost of pairs beside the optimum.
    eulerot.DualBound : A bound of the least cost.

    Examples
    --------
    >>> from eulerot import LinearFlow, rearrange
    >>> report = rearrange(LinearFlow([[0.0, -2.0], [1.0, 0.0]], [1.0, 0.0]), n_pairs=512, modes=4).report(300)
    >>> bool(report.cost < report.before.cost), bool(report.density_error < 1e-6)
    (True, True)
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
    dual: DualBound | None = None
    conditional_planes: int = 0
    dim: int = 0
    domain: str = "cube"

    @property
    def closed(self) -> float:
        """The share of the excess that is gone, equation (14); not a number where there was none."""
        return closed_share(self.before, self.after)

    @property
    def certified(self) -> float:
        """The share of what could be saved that is saved at least, equation (24'); not a number without a bound."""
        return float("nan") if self.dual is None else self.dual.closed(self.before.cost)

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
        """Return the measures, one a line; from four dimensions on those that the dual bound certifies stand first."""
        certified, measured = self._certified_lines(), self._measured_lines()
        lines = certified + measured if self.dim >= MANY else measured + certified
        lines.append(f"{'density error':<14}{self.density_error:>20.1e}")
        lines.append(f"{'geodesic error':<14}{self.geodesic_error:>20.1e}")
        lines.append(f"{'pairs':<14}{self.n:>20d}")
        lines.append(f"map: {self.map}")
        if self.conditional_planes:
            lines.append(f"conditional planes: {self.conditional_planes}, which are no geodesics; no certificate")
        if self.reflected:
            lines.append("orientation: the flow reverses it; the latents are reflected first")
        if self.changed:
            lines.append(self.changed)
        return "\n".join(lines)

    @property
    def unseen(self) -> str:
        """What the excess does not see, in words; empty in fewer than four dimensions."""
        if self.dim < MANY:
            return ""
        lines = [unseen(self.before, self.after)]
        if self.domain == "torus":
            lines.append("there is no dual bound of angles: what the excess does not see nothing certifies")
        return "\n".join(line for line in lines if line)

    def _certified_lines(self) -> list[str]:
        if self.dual is None:
            return []
        words = self.dual.closed_in_words(self.before.cost)
        return [f"{'certified':<14}{words:>20}", f"{'dual bound':<14}{self.dual.in_words:>20}"]

    def _measured_lines(self) -> list[str]:
        rows = [("", "before", "after")]
        for name in ("cost", "exact", "excess", "lower_bound"):
            label = name.replace("_", " ")
            rows.append((label, f"{getattr(self.before, name):.5f}", f"{getattr(self.after, name):.5f}"))
        rows.append(("asymmetry", f"{self.asymmetry_before:.4f}", f"{self.asymmetry_after:.4f}"))
        lines = [f"{label:<14}{before:>10}{after:>10}" for label, before, after in rows]
        lines.append(f"{'closed':<14}{closed_in_words(self.before, self.after):>20}")
        return lines + ([self.unseen] if self.unseen else [])

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw the costs before and after."""
        from eulerot import plotting

        both = self.before, self.after
        exact, excess, bound = ([getattr(r, name) for r in both] for name in ("exact", "excess", "lower_bound"))
        return plotting.costs(exact, excess, bound, labels=("before", "after"), ax=ax)
