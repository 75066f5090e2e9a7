"""One HTML file: tables and pictures inside it, nothing to fetch."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING

from eulerot._version import __version__
from eulerot.files import write_atomically
from eulerot.plotting import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Page"]

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
