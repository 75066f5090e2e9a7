"""Equations that keep the numbers they are cited by, and links to them from pages and docstrings.

A page writes ``$$ ... $$ (12')``: a displayed equation whose number is its label. Wherever ``(12')`` stands in a text,
a docstring among them, it becomes a link to that equation. Sphinx would number equations page by page.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.domains.math import MathDomain
from sphinx.transforms import SphinxTransform

NUMBER = re.compile(r"\((\d{1,2})('{0,2})\)")
LABEL = re.compile(r"^\$\$ \((\d{1,2})('{1,2})\)$", re.MULTILINE)
# what is not the project's own text numbers other things, and a mark in mathematics is no link
FOREIGN = ("changelog", "validation", "benchmarks", "genindex")
NO_TEXT = (nodes.literal, nodes.FixedTextElement, nodes.math, nodes.reference, nodes.title, addnodes.pending_xref)


def label(number: str, primes: str) -> str:
    """Return a label that stays apart from the others when it becomes an identifier: 12, 12-prime, 3-prime-prime."""
    return number + "-prime" * len(primes)


class NumberedEquations(MathDomain):
    """Equations are numbered by their labels."""

    def note_equation(self, docname: str, labelid: str, location: Any = None) -> None:
        """Keep the place of an equation; a second one of that number is an error of the page."""
        super().note_equation(docname, labelid, location)
        number: Any = labelid.replace("-prime", "'")
        self.equations[labelid] = (docname, number)


class LinkEquations(SphinxTransform):
    """Turn numbers of equations in texts into links; before quotes become typographic."""

    default_priority = 700

    def apply(self, **options: Any) -> None:
        """Go through the texts of the page."""
        if self.env.docname.startswith(FOREIGN):
            return
        for text in list(self.document.findall(nodes.Text)):
            if NUMBER.search(text) and not _inside(text, NO_TEXT):
                text.parent.replace(text, self._linked(str(text)))

    def _linked(self, text: str) -> list[nodes.Node]:
        parts: list[nodes.Node] = []
        end = 0
        for found in NUMBER.finditer(text):
            link = addnodes.pending_xref(
                refdomain="math", reftype="eq", reftarget=label(*found.groups()), refdoc=self.env.docname, refwarn=True
            )
            link += nodes.inline(text=found[0])
            parts += [nodes.Text(text[end : found.start()]), link]
            end = found.end()
        return [*parts, nodes.Text(text[end:])]


def _inside(node: nodes.Node, kinds: tuple[type[nodes.Node], ...]) -> bool:
    while node is not None:
        if isinstance(node, kinds):
            return True
        node = node.parent
    return False


def _labels(app: Sphinx, docname: str, source: list[str]) -> None:
    """Write the labels of equations with primes in a way that identifiers can tell apart."""
    source[0] = LABEL.sub(lambda found: f"$$ ({label(*found.groups())})", source[0])


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect all of it."""
    app.add_domain(NumberedEquations, override=True)
    app.add_transform(LinkEquations)
    app.connect("source-read", _labels)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
