"""Reports as one HTML file: tables and pictures inside it, nothing to fetch."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from eulerot._types import FloatArray
from eulerot._version import __version__
from eulerot.files import write_atomically
from eulerot.plotting import canvas, curves, planes
from eulerot.reports import EXPLANATION, TransportReport, closed_share
from eulerot.source import source_points
from eulerot.transport import transport_report

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from eulerot.flows.rearranged import RearrangedFlow
    from eulerot.rearrangement import Rearrangement
    from eulerot.reports import FlowReport

__all__ = ["Page", "flow_page", "pairs_page"]

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #2b2d33; max-width: 62rem; margin: 2.5rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem } h2 { font-size: 1.15rem; margin-top: 2.2rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .3rem .9rem; text-align: right; border-bottom: 1px solid #e2e4e8 }
th:first-child, td:first-child { text-align: left; padding-left: 0 }
thead th { border-bottom: 2px solid #8a8f98; font-weight: 600 }
figure { margin: 1.5rem 0 } img { max-width: 100%; height: auto }
figcaption, footer { color: #5c616b; font-size: .9rem }
"""


class Page:
    """A page under construction: paragraphs, tables and figures, in the order in which they are added.

    Parameters
    ----------
    title : str
        The title.

    Examples
    --------
    >>> page = Page("Costs")
    >>> page.table(["", "cost"], [["before", "2.1"], ["after", "1.3"]])
    >>> "<td>2.1</td>" in page.html()
    True
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self._parts: list[str] = []

    def text(self, words: str, *, heading: bool = False) -> None:
        """Add a paragraph, or a heading."""
        tag = "h2" if heading else "p"
        self._parts.append(f"<{tag}>{escape(words)}</{tag}>")

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Add a table."""
        top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
        body = "\n".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
        self._parts.append(f"<table><thead><tr>{top}</tr></thead><tbody>\n{body}\n</tbody></table>")

    @contextmanager
    def figure(self, caption: str, *, columns: int = 1, shared: bool = False) -> Iterator[tuple[Axes, ...]]:
        """Give the axes of a figure in one row, and add it to the page at the end; needs matplotlib.

        With `shared` all show the same part of the plane.
        """
        picture = io.BytesIO()
        with canvas.figure(picture, columns=columns, shared=shared) as axes:
            yield axes
        data = base64.b64encode(picture.getvalue()).decode()
        width = 48 * columns if columns < 3 else 100
        self._parts.append(
            f'<figure><img style="width:{min(width, 100)}%" alt="{escape(caption)}" src="data:image/png;base64,{data}">'
            f"<figcaption>{escape(caption)}</figcaption></figure>"
        )

    def html(self) -> str:
        """Return the page."""
        title, body = escape(self.title), "\n".join(self._parts)
        return (
            f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<style>{_STYLE}</style></head>\n'
            f"<body><h1>{title}</h1>\n{body}\n<footer>eulerot {__version__}</footer></body></html>\n"
        )

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the page to a file, all of it or nothing."""
        write_atomically(path, self.html().encode())


def flow_page(twin: RearrangedFlow, report: FlowReport, *, title: str = "A flow, rearranged") -> Page:
    """Return the page of a rearranged flow: its report, and pictures of samples, map, costs and fit.

    Parameters
    ----------
    twin : RearrangedFlow
        The rearranged flow.
    report : FlowReport
        What `RearrangedFlow.report` returned.
    title : str
        The title.
    """
    page = Page(title)
    asymmetry = ["asymmetry", f"{report.asymmetry_before:.4f}", f"{report.asymmetry_after:.4f}"]
    _measures(page, [report.before, report.after], [asymmetry, ["density error", "", f"{report.density_error:.1e}"]])
    z = source_points(4096, twin.dim, domain=twin.domain)
    x, y = np.asarray(twin.flow.forward(z), dtype=float), twin.rearrangement.forward(z)
    _couplings(page, {"before": z, "after": y}, x, [report.before, report.after])
    _map(page, twin.rearrangement)
    if twin.fit is not None and twin.fit.history:
        page.text("The fit", heading=True)
        page.text(f"{twin.fit.status}: {twin.fit.message} {twin.fit.seconds:.1f} s.")
        with page.figure("Cost of training and held-out pairs against the weight of the regularisation.") as (ax,):
            twin.fit.plot(ax=ax)
    return page


def pairs_page(
    z: FloatArray, x: FloatArray, rearrangement: Rearrangement | None = None, *, title: str = "Transport of pairs"
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
    """
    page, latents, rows, domain = Page(title), {"before": z}, [], "cube"
    if rearrangement is not None:
        domain = rearrangement.domain
        latents["after"] = rearrangement.forward(z)
        rows.append(["density error", "", f"{np.max(np.abs(rearrangement.log_abs_det(z))):.1e}"])
    reports = [transport_report(each, x, domain=domain) for each in latents.values()]
    _measures(page, reports, rows)
    _couplings(page, latents, x, reports)
    if rearrangement is not None:
        _map(page, rearrangement)
    return page


def _measures(page: Page, reports: list[TransportReport], more: list[list[str]]) -> None:
    """Add the table of measures."""
    names = ("cost", "exact", "excess", "lower_bound")
    rows = [[name.replace("_", " "), *(f"{getattr(report, name):.5f}" for report in reports)] for name in names]
    if len(reports) == 2 and reports[0].excess > 0:
        rows.append(["closed", "", f"{closed_share(*reports):.2%}"])
    page.table(["", "before", "after"][: len(reports) + 1], rows + more)
    page.text(f"{reports[0].n} pairs. {EXPLANATION}")


def _couplings(page: Page, latents: dict[str, FloatArray], x: FloatArray, reports: list[TransportReport]) -> None:
    """Add samples, arrows and costs of each coupling."""
    if x.shape[1] > 1:
        caption = "Samples; hue and brightness show the latent that each comes from."
        with page.figure(caption, columns=len(latents)) as columns:
            for (name, points), ax in zip(latents.items(), columns, strict=True):
                planes.samples(x[:4096], points[:4096], ax=ax, title=name)
        with page.figure("From latents to samples.", columns=len(latents), shared=True) as columns:
            planes.couplings(latents, x, axes=columns)
    with page.figure("Costs: the exact optimum and the excess over it.") as (ax,):
        curves.costs(*reports, ax=ax)


def _map(page: Page, rearrangement: Rearrangement) -> None:
    """Add the way of latents, and the vorticity of each geodesic."""
    if rearrangement.dim < 2 or rearrangement.is_identity:
        return
    page.text("The rearrangement", heading=True)
    geodesics = rearrangement.geodesics[:3]  # what fits into a row
    caption = "The way of latents, and the initial vorticities and velocities."
    with page.figure(caption, columns=1 + len(geodesics)) as (ax, *others):
        rearrangement.plot(ax=ax)
        for geodesic, other in zip(geodesics, others, strict=True):
            geodesic.plot(ax=other)
