"""The page of a rearranged flow, and the page of pairs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eulerot import plotting
from eulerot._types import FloatArray
from eulerot.euler.certificate import CompositionCertificate
from eulerot.flows.pairs_report import PairsReport, certificate_of_map
from eulerot.flows.rearranged import RearrangedFlow
from eulerot.flows.report import MANY, FlowReport
from eulerot.latent.source import source_points
from eulerot.pages.animation import animation_of
from eulerot.pages.page import Page
from eulerot.rearrangement.composition import Rearrangement
from eulerot.rearrangement.conditional import NO_GEODESIC
from eulerot.transport.dual import DualBound
from eulerot.transport.report import DUAL_EXPLANATION, EXPLANATION, TransportReport, closed_in_words

__all__ = ["flow_page", "pairs_page"]

_FRAMES = 36  # of the animation in a page
# Explains the certificates to the readers of a page
CERTIFICATE_EXPLANATION = (
    "The pressure is the largest eigenvalue of its Hessian over the box and all times, times the square of the "
    "duration. Where it is at most the square of pi, 9.87, Brenier's theorem says that the geodesic is a shortest path "
    "between its ends; where it is more, nothing is said against the path, and pieces of the given share of its "
    "duration are certified. Each geodesic is certified for itself: of several the composition is no geodesic."
)


def flow_page(
    twin: RearrangedFlow, report: FlowReport, *, title: str = "A flow, rearranged", progress: bool = False
) -> Page:
    """Return the page of a rearranged flow: its report, and pictures of samples, map, costs and fit.

    Parameters
    ----------
    twin : RearrangedFlow
        The rearranged flow.
    report : FlowReport
        What `RearrangedFlow.report` returned.
    title : str
        The title.
    progress : bool
        Whether to show a progress bar while the animation is drawn.

    Returns
    -------
    Page
        The page; write it by its `write`.

    See Also
    --------
    eulerot.pages.pairs_page : The page of pairs.
    eulerot.pages.Page : A page under construction.

    Examples
    --------
    >>> from eulerot import rearrange, zoo
    >>> twin = rearrange(zoo.load("two_moons"))  # doctest: +SKIP
    >>> flow_page(twin, twin.report()).write("moons.html")  # doctest: +SKIP
    """
    page = Page(title)
    asymmetry = ["asymmetry", f"{report.asymmetry_before:.4f}", f"{report.asymmetry_after:.4f}"]
    more = [asymmetry, *_errors(report)]
    _measures(page, [report.before, report.after], more, report.dual, first=report.dim >= MANY)
    if report.unseen:
        page.text(f"{report.unseen[0].upper()}{report.unseen[1:]}.")
    if report.changed:
        page.text(report.changed)
    z = source_points(4096, twin.dim, domain=twin.domain)
    x, y = np.asarray(twin.flow.forward(z), dtype=float), twin.rearrangement.forward(z)
    _couplings(page, {"before": z, "after": y}, x, [report.before, report.after])
    _map(page, twin.rearrangement, certificate_of_map(twin.rearrangement), progress=progress)
    if twin.fit is not None and twin.fit.history:
        page.text("The fit", heading=True)
        page.text(f"{twin.fit.status}: {twin.fit.message} {twin.fit.seconds:.1f} s.")
        with page.figure("Cost of training and held-out pairs against the weight of the regularisation.") as (ax,):
            twin.fit.plot(ax=ax)
    return page


def pairs_page(
    z: FloatArray,
    x: FloatArray,
    rearrangement: Rearrangement | None = None,
    *,
    title: str = "Transport of pairs",
    report: PairsReport | None = None,
    progress: bool = False,
) -> Page:
    """Return the page of pairs, and of a rearrangement of their latents if there is one.

    Parameters
    ----------
    z, x : ndarray, shape (n, d)
        Pairs.
    rearrangement : Rearrangement, optional
        The rearrangement.
    title : str
        The title.
    report : PairsReport, optional
        The report of these pairs, if it is there already: what it has measured is not measured again.
    progress : bool
        Whether to show a progress bar while the animation is drawn.

    Returns
    -------
    Page
        The page; write it by its `write`.

    See Also
    --------
    eulerot.pages.flow_page : The page of a twin.
    eulerot.pages.Page : A page under construction.

    Examples
    --------
    >>> z = np.random.default_rng(0).standard_normal((20, 2))
    >>> pairs_page(z, 2 * z).write("pairs.html")  # doctest: +SKIP
    """
    page = Page(title)
    report = PairsReport(z, x, rearrangement) if report is None else report
    more = [] if rearrangement is None else _errors(report)
    _measures(page, report.reports, more, report.dual, first=report.dim >= MANY)
    _couplings(page, report.latents, report.x, report.reports)
    if rearrangement is not None:
        _map(page, rearrangement, report.certificate, progress=progress)
    return page


def _errors(report: FlowReport | PairsReport) -> list[list[str]]:
    """Return the rows of the errors of a map."""
    names = ("density_error", "geodesic_error")
    return [[name.replace("_", " "), "", f"{getattr(report, name):.1e}"] for name in names]


def _measures(
    page: Page, reports: Sequence[TransportReport], more: list[list[str]], dual: DualBound | None, *, first: bool
) -> None:
    """Add the table of measures, what is certified first or last."""
    names = ("cost", "exact", "excess", "lower_bound")
    rows = [[name.replace("_", " "), *(f"{getattr(report, name):.5f}" for report in reports)] for name in names]
    empty = [""] * (len(reports) - 1)
    if len(reports) == 2:
        rows.append(["closed", "", closed_in_words(*reports)])
    certified = []
    if dual is not None:
        certified.append(["dual bound", *empty, dual.in_words])
        if len(reports) == 2:
            certified.insert(0, ["certified", "", dual.closed_in_words(reports[0].cost)])
    page.table(["", "before", "after"][: len(reports) + 1], (certified + rows if first else rows + certified) + more)
    page.text(f"{reports[0].n} pairs. {EXPLANATION}{f' {DUAL_EXPLANATION}' if dual is not None else ''}")


def _couplings(page: Page, latents: dict[str, FloatArray], x: FloatArray, reports: Sequence[TransportReport]) -> None:
    """Add samples, arrows and costs of each coupling."""
    if x.shape[1] > 1:
        caption = "Samples; hue and brightness show the latent that each comes from."
        with page.figure(caption, columns=len(latents)) as columns:
            for (name, points), ax in zip(latents.items(), columns, strict=True):
                plotting.samples(x[:4096], points[:4096], ax=ax, title=name)
        with page.figure("From latents to samples.", columns=len(latents), shared=True) as columns:
            plotting.couplings(latents, x, axes=columns)
    exact, excess, bound = ([getattr(r, name) for r in reports] for name in ("exact", "excess", "lower_bound"))
    with page.figure("Costs: the exact optimum and the excess over it.") as (ax,):
        plotting.costs(exact, excess, bound, labels=tuple(latents), ax=ax)


def _map(
    page: Page, rearrangement: Rearrangement, certificate: CompositionCertificate | None, *, progress: bool
) -> None:
    """Add the paths of latents in rest and in motion, the vorticity of each geodesic, and the certificates."""
    if rearrangement.dim < 2 or rearrangement.is_identity:
        return
    page.text("The rearrangement", heading=True)
    if rearrangement.reflection is not None:
        axis = ", ".join(f"{value:.3g}" for value in rearrangement.reflection)
        page.text(f"The flow reverses orientation: latents are first reflected along ({axis}).")
    geodesics = rearrangement.geodesics[:3]  # what fits into a row
    if rearrangement.conditional_planes:
        place = "come after the geodesics" if geodesics else "stand in place of geodesics"
        page.text(f"{rearrangement.conditional_planes} conditional planes {place}: {NO_GEODESIC}.")
    first = "" if len(geodesics) == len(rearrangement.geodesics) else f" of the first {len(geodesics)} geodesics"
    fields = f", and the initial vorticities and velocities{first}" if geodesics else ""
    with page.figure(f"The paths of latents{fields}.", columns=1 + len(geodesics)) as (ax, *others):
        rearrangement.plot(ax=ax)
        for geodesic, other in zip(geodesics, others, strict=True):
            geodesic.plot(ax=other)
    if rearrangement.dim == 2 and rearrangement.domain == "cube":
        gif = animation_of(rearrangement, frames=_FRAMES, n=1500, dpi=80, progress=progress)
        page.animation(gif, "Latents on their way: the cloud stays Gaussian, and only who is where changes.")
    if certificate is not None:
        _certificates(page, certificate)


def _certificates(page: Page, certificate: CompositionCertificate) -> None:
    """Add what is certified of each sweep of geodesics as a shortest path."""
    page.text("Certificates", heading=True)
    rows = [
        [f"{n}", f"{piece.pressure:.4g}", "yes" if piece.shortest else f"pieces of {piece.until:.1%}"]
        for n, piece in enumerate(certificate.pieces, start=1)
    ]
    page.table(["geodesic", "pressure", "certified to be a shortest path"], rows)
    page.text(CERTIFICATE_EXPLANATION)
