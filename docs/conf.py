"""The settings of the documentation; built by `make docs`, where a warning is an error."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

from numpydoc.xref import DEFAULT_LINKS
from sphinx.application import Sphinx
from sphinx.util.fileutil import copy_asset_file

import eulerot

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_extensions"))
import neighbours  # noqa: E402

project = "eulerot"
release = version = eulerot.__version__
copyright = "the eulerot authors"

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "equations",
    "included",
    "layout",
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["*figures.py", "gallery/*"]
templates_path = ["_templates"]
html_theme = "pydata_sphinx_theme"
html_title = f"eulerot {release}"
html_static_path = ["_static"]
html_css_files = ["eulerot.css"]
html_favicon = html_logo = "_static/eulerot.svg"
html_show_sourcelink = False
toc_object_entries_show_parents = "hide"
html_theme_options = {
    "logo": {"text": "eulerot", "alt_text": "eulerot: home"},
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "navigation_with_keys": False,
    "show_nav_level": 1,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "friendly",
    "pygments_dark_style": "monokai",
}
html_sidebars = {"index": [], "changelog": [], "citation": [], "glossary": []}

# One file beside the pages, without fonts: no request leaves them
mathjax_path = "tex-svg.js"

autosummary_generate = True
autodoc_typehints = "none"  # the docstrings say them, with shapes
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
numpydoc_xref_param_type = True
numpydoc_xref_ignore = "all"
numpydoc_xref_aliases = {
    **{name: name for name in DEFAULT_LINKS},  # words of Python stay words
    **{name: f"eulerot.{name}" for name in eulerot.__all__},
    "ndarray": "numpy.ndarray",
    "array_like": ":term:`numpy:array_like`",
}
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
suppress_warnings = ["config.cache"]  # functions among the settings of the gallery
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# Names of NumPy, SciPy, POT and torch, from a list in the tree: nothing is asked of the network
intersphinx_mapping = neighbours.mapping(HERE.parent / "build" / "inventories")

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "generated/gallery",
    "filename_pattern": r"plot_",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "capture_repr": (),
    "remove_config_comments": True,
    "download_all_examples": False,
    "show_signature": False,
    "write_computation_times": False,  # its page asks other sites for scripts
    "min_reported_time": 1e9,
    "plot_gallery": True,
    "reference_url": {},
}


def _one_sentence(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Keep the dots of ``a ... z`` from ending a summary."""
    lines[:] = [line.replace(" ... ", " … ") for line in lines]


def _references(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Make a list of the references of a docstring, one a line there; ``G. Morel`` numbers nothing."""
    listed = False
    for n, line in enumerate(lines):
        listed = line == "References" or (listed and bool(line))
        if listed and line != "References" and not line.startswith(("-", " ")):
            lines[n] = f"- \\{line}"


def _mathematics(app: Sphinx, exception: Exception | None) -> None:
    """Put MathJax beside the pages."""
    if exception is None:
        package = find_spec("sphinx-mathjax-offline").submodule_search_locations[0]
        copy_asset_file(Path(package) / "static/mathjax/tex-svg.js", app.outdir / "_static")


def setup(app: Sphinx) -> None:
    """Connect the three."""
    app.connect("autodoc-process-docstring", _one_sentence)
    app.connect("autodoc-process-docstring", _references, priority=400)  # before numpydoc
    app.connect("build-finished", _mathematics)
