"""README and documentation: every Python block runs, top to bottom, one namespace a page."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# docs/guides are run in the environments of their libraries
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"(<!-- not run: [^\n]*-->\n+)?^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page):
    """Return the code of the blocks that are to be run, on the lines where it stands."""
    text = page.read_text(encoding="utf-8")
    return ["\n" * text[: m.start(2)].count("\n") + m[2] for m in BLOCK.finditer(text) if m[1] is None]


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=lambda page: page.stem)
def test_every_block_runs(page, tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib").use("Agg")
    plt = pytest.importorskip("matplotlib.pyplot")
    monkeypatch.chdir(tmp_path)
    names = {}
    for code in blocks(page):
        exec(compile(code, str(page), "exec"), names)
    plt.close("all")


def test_blocks_are_found_and_marked_ones_left_out(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```python\na = 1\n```\n\n<!-- not run: takes minutes -->\n\n```python\nb = 2\n```\n```\nc\n```\n")
    assert [code.strip() for code in blocks(page)] == ["a = 1"]
    assert sum(len(blocks(page)) for page in PAGES) > 10
