"""The report of pairs, and of a rearrangement of their latents: what the command line prints and a page shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np

from eulerot._cached import kept, state_of
from eulerot._summary import Shown
from eulerot._types import FloatArray, Seed
from eulerot.checks import DOMAINS, checked_choice, checked_pairs
from eulerot.euler.certificate import CompositionCertificate
from eulerot.flows.report import MANY, unseen
from eulerot.rearrangement.composition import Rearrangement
from eulerot.transport.dual import FEWEST, DualBound, dual_bound
from eulerot.transport.report import TransportReport, closed_in_words, closed_share, transport_report

__all__ = ["PairsReport", "certificate_of_map"]


@dataclass(frozen=True, eq=False)
class PairsReport(Shown):
    """The transport of pairs, and after a rearrangement of their latents.

    Each measure is computed once, when it is first asked for.

    Parameters
    ----------
    z, x : array_like, shape (n, d)
        Latents and data; with a rearrangement those that its fit has not seen.
    rearrangement : Rearrangement, optional
        The map.
    domain : {"cube", "torus"}, optional
        ``"torus"`` for angles; by default that of the rearrangement, or ``"cube"``.
    seed : int
        Seed of the dual bound.

    Raises
    ------
    ValueError
        If the arrays are not finite samples of one common shape.

    See Also
    --------
    eulerot.pages.pairs_page : The page of pairs.
    eulerot.transport_report : Measure the cost of pairs.
    eulerot.FlowReport : What a twin gains, on fresh pairs.

    Examples
    --------
    >>> z = np.random.default_rng(0).standard_normal((64, 2))
    >>> turn = Rearrangement(np.array([[0.0, 1.0], [-1.0, 0.0]]))
    >>> report = PairsReport(z, turn.forward(z), turn)
    >>> report.after.cost, report.numbers["closed"]
    (0.0, 1.0)
    """

    z: FloatArray
    x: FloatArray
    rearrangement: Rearrangement | None = None
    domain: str | None = None
    seed: Seed = 0

    def __post_init__(self) -> None:
        z, x = checked_pairs("z", self.z, "x", self.x)
        own = "cube" if self.rearrangement is None else self.rearrangement.domain
        domain = own if self.domain is None else checked_choice("domain", self.domain, DOMAINS)
        for name, value in {"z": z, "x": x, "domain": domain}.items():
            object.__setattr__(self, name, value)

    def __getstate__(self) -> dict[str, object]:
        return state_of(self)

    @property
    def dim(self) -> int:
        """The dimension of latents and data."""
        return self.z.shape[1]

    @kept
    def latents(self) -> dict[str, FloatArray]:
        """The latents before and, if there is a rearrangement, after it."""
        after = {} if self.rearrangement is None else {"after": self.rearrangement.forward(self.z)}
        return {"before": self.z, **after}

    @kept
    def reports(self) -> tuple[TransportReport, ...]:
        """The measures of each of `latents` with the data."""
        return tuple(transport_report(each, self.x, domain=self.domain or "cube") for each in self.latents.values())

    @property
    def before(self) -> TransportReport:
        """The measures of the pairs as they are."""
        return self.reports[0]

    @property
    def after(self) -> TransportReport | None:
        """Those of rearranged latents and the same data; None without a rearrangement."""
        return self.reports[1] if len(self.reports) == 2 else None

    @kept
    def dual(self) -> DualBound | None:
        """The dual bound of the last of `latents`, equation (24); None on the torus and for very few pairs."""
        if self.domain != "cube" or len(self.x) < FEWEST:
            return None
        return dual_bound(list(self.latents.values())[-1], self.x, seed=self.seed)

    @kept
    def density_error(self) -> float:
        """``max |log |det DX_1||``, equation (16); zero without a rearrangement."""
        return 0.0 if self.rearrangement is None else float(np.max(np.abs(self.rearrangement.log_abs_det(self.z))))

    @property
    def geodesic_error(self) -> float:
        """How far geodesics are from those of the Euler equations, equation (20); zero without a rearrangement."""
        return 0.0 if self.rearrangement is None else self.rearrangement.geodesic_error

    @kept
    def certificate(self) -> CompositionCertificate | None:
        """What is certified of the geodesics, equation (21); None where there are none, or conditional planes."""
        return None if self.rearrangement is None else certificate_of_map(self.rearrangement)

    @property
    def numbers(self) -> dict[str, object]:
        """The measures that are printed, by their names."""
        values: dict[str, object] = {"before": asdict(self.before)}
        if self.after is None:
            return values
        values |= {"after": asdict(self.after), "closed": closed_share(self.before, self.after)}
        values |= {"density_error": self.density_error, "geodesic_error": self.geodesic_error}
        if self.dual is not None:
            values |= {"dual": self.dual.numbers, "certified": self.dual.closed(self.before.cost)}
        return values

    def __str__(self) -> str:
        """Return the measures; from four dimensions on those that the dual bound certifies stand first."""
        return str(self.before) if self.after is None else "\n".join(self._lines(self.before, self.after))

    def _lines(self, before: TransportReport, after: TransportReport) -> Iterator[str]:
        certified = ""
        if self.dual is not None:
            certified = f"certified: {self.dual.closed_in_words(before.cost)}; dual bound {self.dual.in_words}"
        if certified and self.dim >= MANY:
            yield certified
        yield f"before: {before}\nafter: {after}"
        errors = f"density error {self.density_error:.1e}, geodesic error {self.geodesic_error:.1e}"
        yield f"closed: {closed_in_words(before, after)}; {errors}"
        if certified:
            yield certified if self.dim < MANY else unseen(before, after)


def certificate_of_map(rearrangement: Rearrangement) -> CompositionCertificate | None:
    """Return what is certified of a map's geodesics, equation (21); None if it has none, or conditional planes."""
    return rearrangement.certificate() if rearrangement.sweeps and not rearrangement.conditional_planes else None
