"""The settings of the documentation; built by `make docs`, where a warning is an error."""

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
source_suffix = {".md": "markdown"}
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
