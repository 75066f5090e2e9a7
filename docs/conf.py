"""The settings of the documentation; built by `make docs`, where a warning is an error."""

from __future__ import annotations

import re

from sphinx.application import Sphinx

from eulerot import __version__

project = "eulerot"
release = version = __version__
copyright = "the eulerot authors"

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "numpydoc",
    "myst_parser",
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["figures.py"]
html_theme = "alabaster"
html_theme_options = {
    "description": "Transport-efficient normalizing flows",
    "page_width": "70rem",
    "fixed_sidebar": True,
}

autosummary_generate = True
autodoc_typehints = "none"  # the docstrings say them, with shapes
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3


def _without_links_into_the_tree(app: Sphinx, path: object, parent: str, content: list[str]) -> None:
    """Leave the text of links from included READMEs to files that are no pages."""
    content[0] = re.sub(r"\[([^]]+)\]\((?!https?:)[^)]*\)", r"\1", content[0])


def _one_sentence(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Keep the dots of ``a ... z`` from ending a summary."""
    lines[:] = [line.replace(" ... ", " … ") for line in lines]


def setup(app: Sphinx) -> None:
    """Connect the two."""
    app.connect("include-read", _without_links_into_the_tree)
    app.connect("autodoc-process-docstring", _one_sentence)
