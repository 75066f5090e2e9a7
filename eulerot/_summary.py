"""Results in words: as they are printed, and as notebooks and pages show them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

__all__ = ["Shown", "html_table", "in_one_line", "in_words"]


class Shown:
    """A result that notebooks show as it is printed."""

    def _repr_html_(self) -> str:
        """Return the name of the class and the printed form, in HTML."""
        style = "line-height: 1.35; margin: 0.3em 0; background: none; white-space: pre-wrap"
        return f'<div><strong>{type(self).__name__}</strong><pre style="{style}">{escape(str(self))}</pre></div>'


def in_words(title: str, rows: Sequence[tuple[str, str]]) -> str:
    """Return a line and, below it, what is known, a line each; what is empty is left out.

    Examples
    --------
    >>> print(in_words("a fit", [("cost", "2.1"), ("note", ""), ("status", "converged")]))
    a fit
      cost    2.1
      status  converged
    """
    shown = [(label, words) for label, words in rows if words]
    width = max((len(label) for label, _ in shown), default=0)
    return "\n".join([title, *(f"  {label:<{width}}  {words}" for label, words in shown)])


def in_one_line(result: object) -> str:
    """Return the ``repr`` of a result whose arrays would fill a screen: the first line of its printed form.

    Examples
    --------
    >>> in_one_line(1.5)
    '<float: 1.5>'
    """
    return f"<{type(result).__name__}: {str(result).partition(chr(10))[0]}>"


def html_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in HTML.

    Examples
    --------
    >>> print(html_table(["", "cost"], [["before", "2.1"]]))
    <table><thead><tr><th></th><th>cost</th></tr></thead><tbody>
    <tr><td>before</td><td>2.1</td></tr>
    </tbody></table>
    """
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "\n".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>\n{body}\n</tbody></table>"
