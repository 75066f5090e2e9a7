"""Links of files that pages include, which stand elsewhere in the tree: they lead to pages, or name the file."""

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


def led(text: str, folder: Path) -> str:
    """Return the text of a file in a folder with links that lead somewhere in the pages."""
    known = places()

    def one(link: re.Match[str]) -> str:
        words, file = link[1], (folder / link[2]).resolve()
        target = file.name if file.parent == DOCS else known.get(file)
        if target:
            return f"[{words}]({target})"
        name = file.relative_to(DOCS.parent).as_posix()
        return f"`{name}`" if words in name else f"{words} in `{name}`"

    return LINK.sub(one, text)


def _included(app: Sphinx, path: Path, parent: str, content: list[str]) -> None:
    content[0] = led(content[0], (DOCS / path).parent)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect it."""
    app.connect("include-read", _included)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
