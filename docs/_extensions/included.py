"""Links of files that pages include, which stand elsewhere in the tree: they lead to pages, or stay plain text."""

from __future__ import annotations

import re
from pathlib import Path

from mdit_py_plugins.anchors.index import slugify
from sphinx.application import Sphinx

DOCS = Path(__file__).parents[1]
LINK = re.compile(r"\[([^]]+)\]\((?!https?:)([^)#]*)[^)]*\)")
INCLUDE = re.compile(r"^```\{include\} (\S+)", re.MULTILINE)


def places() -> dict[Path, str]:
    """Return where in the pages each file stands that one of them includes as a whole, by the anchor of its title."""
    found = {}
    for page in DOCS.glob("*.md"):
        for name in INCLUDE.findall(page.read_text(encoding="utf-8")):
            file = (DOCS / name).resolve()
            title = file.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ").replace("`", "")
            found[file] = f"{page.name}#{slugify(title)}"
    return found


def _led(app: Sphinx, path: Path, parent: str, content: list[str]) -> None:
    """Lead the links of an included file."""
    known = places()

    def led(link: re.Match[str]) -> str:
        file = (DOCS / path).parent.joinpath(link[2]).resolve()
        target = file.name if file.parent == DOCS else known.get(file)
        return f"[{link[1]}]({target})" if target else link[1]

    content[0] = LINK.sub(led, content[0])


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect it."""
    app.connect("include-read", _led)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
