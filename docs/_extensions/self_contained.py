"""Check that built pages ask for nothing from elsewhere: no script, style, font or picture of another site.

python docs/_extensions/self_contained.py build/docs
"""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path

# what a browser fetches by itself; a link that a reader clicks on is another matter
FETCHED = {**dict.fromkeys(("script", "img", "iframe", "source", "video", "audio", "embed"), "src"), "object": "data"}
RELATIONS = {"stylesheet", "icon", "shortcut", "preload", "prefetch", "preconnect", "dns-prefetch", "modulepreload"}
ELSEWHERE = re.compile(r"\s*(?:https?:|ftp:|wss?:)?//", re.IGNORECASE)
IN_STYLES = re.compile(r"(?:url\(\s*['\"]?|@import\s+['\"])((?:https?:)?//[^'\")]+)", re.IGNORECASE)


class Resources(HTMLParser):
    """Collect what the elements of a page have a browser fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Look at one element."""
        given = {name: value or "" for name, value in attributes}
        fetched = [given.get(FETCHED.get(tag, ""), ""), *given.get("srcset", "").split(",")]
        if tag == "link" and RELATIONS & set(given.get("rel", "").split()):
            fetched.append(given.get("href", ""))
        self.found += [each.strip() for each in fetched if ELSEWHERE.match(each)]
        self.found += IN_STYLES.findall(given.get("style", ""))


def from_elsewhere(path: Path) -> list[str]:
    """Return what a page or a style sheet asks other sites for."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".css":
        return IN_STYLES.findall(text)
    page = Resources()
    page.feed(text)
    return page.found


def main(folder: Path) -> int:
    """Print what is asked for, page by page; return 1 if there is anything, or nothing was looked at."""
    paths = [path for path in sorted(folder.rglob("*")) if path.suffix in (".html", ".css")]
    wrong = [f"{path.relative_to(folder)}: {each}" for path in paths for each in from_elsewhere(path)]
    print("\n".join(wrong) or f"{len(paths)} pages and style sheets ask for nothing from elsewhere")
    return int(bool(wrong) or not paths)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
