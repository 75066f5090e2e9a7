"""Short cells of tables stay on one line, paths in cells are broken between folders, and pictures open when clicked."""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx

# Characters of a cell that is not broken: numbers with their errors and units, names
SHORT = 18


def laid_out(app: Sphinx | None, page: nodes.Element) -> None:
    """Mark short cells and breaks for browsers, and give pictures a width: Sphinx links those that have one."""
    for cell in page.findall(nodes.entry):
        if isinstance(cell.parent.parent, nodes.tbody) and len(cell.astext()) <= SHORT:
            cell["classes"].append("short")
        for code in cell.findall(nodes.literal):
            _break_at_folders(code)
    for picture in page.findall(nodes.image):
        picture["width"] = "100%"


def _break_at_folders(code: nodes.literal) -> None:
    *folders, last = code.astext().split("/")
    code.children = []
    for folder in folders:
        code += [nodes.Text(f"{folder}/"), nodes.raw("", "<wbr>", format="html")]
    code += nodes.Text(last)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect it."""
    app.connect("doctree-read", laid_out)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
