"""One HTML file: tables and pictures inside it, nothing to fetch."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING

from eulerot._summary import html_table
from eulerot._version import __version__
from eulerot.files import write_atomically
from eulerot.plotting import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Page"]

_STYLE = """
:root { color-scheme: light }
* { box-sizing: border-box }
body { font: 16px/1.55 system-ui, sans-serif; color: #2b2d33; background: #fff; max-width: 62rem; margin: 2.5rem auto;
  padding: 0 1.2rem; overflow-wrap: break-word }
h1 { font-size: 1.6rem; line-height: 1.25 } h2 { font-size: 1.15rem; margin-top: 2.4rem }
.table { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .3rem .9rem; text-align: right; border-bottom: 1px solid #e2e4e8 }
th:first-child, td:first-child { text-align: left; padding-left: 0 }
thead th { border-bottom: 2px solid #8a8f98; font-weight: 600 }
figure { margin: 1.6rem 0 } img { display: block; width: 100%; height: auto }
.single img { max-width: 30rem }
figcaption, footer { color: #5c616b; font-size: .9rem; margin-top: .3rem }
footer { margin-top: 2.5rem; border-top: 1px solid #e2e4e8; padding-top: .6rem }
@media (max-width: 40rem) {
  body { font-size: 15px; margin: 1.2rem auto; padding: 0 .9rem }
  h1 { font-size: 1.35rem }
  th, td { padding: .3rem .45rem }
  table { font-size: .92rem; width: 100% }
  .row .picture { overflow-x: auto } .row img { width: calc(var(--columns) * 74vw); max-width: none }
}
@media print {
  @page { margin: 16mm 14mm }
  body { font-size: 10.5pt; max-width: none; margin: 0; padding: 0 }
  h2 + * { break-before: avoid } figure, tr { break-inside: avoid }
  .single img { max-width: 9cm } .moving { display: none } .table, .picture { overflow: visible }
}
"""


class Page:
    """A page under construction: paragraphs, tables and figures, in the order in which they are added.

    Parameters
    ----------
    title : str
        The title.

    See Also
    --------
    eulerot.pages.flow_page : The page of a twin.
    eulerot.pages.pairs_page : The page of pairs.

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
        self._parts.append(f'<div class="table">{html_table(head, rows)}</div>')

    @contextmanager
    def figure(self, caption: str, *, columns: int = 1, shared: bool = False) -> Iterator[tuple[Axes, ...]]:
        """Give the axes of a figure in one row, and add it to the page at the end; needs matplotlib.

        With `shared` all show the same part of the plane.
        """
        picture = io.BytesIO()
        with canvas.figure(picture, columns=columns, shared=shared) as axes:
            yield axes
        self._parts.append(_figure(picture.getvalue(), "png", caption, columns=columns))

    def animation(self, gif: bytes, caption: str) -> None:
        """Add a GIF; paper, which cannot show it, is spared it."""
        self._parts.append(_figure(gif, "gif", caption, moving=True))

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


def _figure(picture: bytes, kind: str, caption: str, *, columns: int = 1, moving: bool = False) -> str:
    """Return a figure that holds its picture; on a phone its columns are looked at one by one."""
    data, words = base64.b64encode(picture).decode(), escape(caption)
    style = "moving" if moving else "row" if columns > 1 else "single"
    image = f'<img alt="{words}" src="data:image/{kind};base64,{data}">'
    return (
        f'<figure class="{style}" style="--columns: {columns}"><div class="picture">{image}</div>'
        f"<figcaption>{words}</figcaption></figure>"
    )
