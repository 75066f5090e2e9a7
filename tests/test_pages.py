"""The documentation as a whole: numbers of equations, pages that ask for nothing, examples of the gallery."""

import re
import runpy
import sys
import zlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
LABEL = re.compile(r"^\$\$ \((\d+'*)\)$", re.MULTILINE)
MENTION = re.compile(r"equations? \((\d+'*)\)(?:(?:,| and| to) \((\d+'*)\))*|; \((\d+'*)\)\.")


@pytest.fixture
def extension(monkeypatch):
    monkeypatch.syspath_prepend(DOCS / "_extensions")
    import self_contained

    yield self_contained
    del sys.modules["self_contained"]


def labels():
    return [label for page in sorted(DOCS.glob("*.md")) for label in LABEL.findall(page.read_text(encoding="utf-8"))]


def test_each_equation_stands_in_one_place():
    assert len(labels()) == len(set(labels())) > 30


def test_docstrings_cite_equations_that_there_are():
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "eulerot").rglob("*.py")]
    cited = {number for text in sources for found in MENTION.findall(text) for number in found if number}
    assert cited <= set(labels()) and len(cited) > 20


def test_equations_are_mathematics():
    for page in DOCS.glob("*.md"):
        assert not re.search(r"^    +\(\d+'*\)  ", page.read_text(encoding="utf-8"), re.MULTILINE), page


@pytest.mark.parametrize(
    "text, asked",
    [
        ('<script src="https://cdn.example/a.js"></script>', ["https://cdn.example/a.js"]),
        ('<link rel="stylesheet" href="//cdn.example/a.css">', ["//cdn.example/a.css"]),
        ('<img src="a.png" srcset="http://b.example/b.png">', ["http://b.example/b.png"]),
        ('<p style="background: url(https://c.example/c.png)">', ["https://c.example/c.png"]),
        ('<a href="https://d.example">d</a><script src="_static/a.js"></script><link rel="next" href="b.html">', []),
    ],
)
def test_what_a_page_asks_for_is_seen(extension, tmp_path, text, asked):
    (tmp_path / "page.html").write_text(text)
    assert extension.from_elsewhere(tmp_path / "page.html") == asked
    assert extension.main(tmp_path) == bool(asked)


def test_style_sheets_are_looked_at(extension, tmp_path):
    (tmp_path / "a.css").write_text("@font-face { src: url('https://fonts.example/a.woff2'); }")
    assert extension.from_elsewhere(tmp_path / "a.css") == ["https://fonts.example/a.woff2"]
    assert extension.main(tmp_path / "nothing") == 1


def test_links_of_included_files_lead_to_pages_or_name_the_file(monkeypatch):
    pytest.importorskip("sphinx")
    pytest.importorskip("mdit_py_plugins")
    monkeypatch.syspath_prepend(DOCS / "_extensions")
    import included

    text = "[a](../docs/limits.md#x), [table](euler/cases.md), [all](fits/peers.md), [README](zoo/README.md), [b](https://b)"
    assert included.led(text, ROOT / "validation") == (
        "[a](limits.md), [table](validation.md#the-euler-solver-against-values-from-elsewhere), "
        "all in `validation/fits/peers.md`, `validation/zoo/README.md`, [b](https://b)"
    )
    del sys.modules["included"]


def test_short_cells_paths_and_pictures(monkeypatch):
    nodes = pytest.importorskip("docutils.nodes")
    pytest.importorskip("sphinx")
    monkeypatch.syspath_prepend(DOCS / "_extensions")
    import layout

    def cell(*children):
        return nodes.entry("", nodes.paragraph("", "", *children))

    short, long = cell(nodes.Text("0.142 ± 0.018")), cell(nodes.literal("", "validation/fits/peers.py --all"))
    picture = nodes.image(uri="a.png")
    page = nodes.section("", nodes.table("", nodes.tgroup("", nodes.tbody("", nodes.row("", short, long)))), picture)
    layout.laid_out(None, page)
    assert short["classes"] == ["short"] and long["classes"] == [] and picture["width"] == "100%"
    (code,) = long.findall(nodes.literal)
    assert [str(part) for part in code.children if isinstance(part, nodes.Text)] == [
        "validation/",
        "fits/",
        "peers.py --all",
    ]
    assert len(list(code.findall(nodes.raw))) == 2
    del sys.modules["layout"]


@pytest.mark.flows
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["twin_6_in_torch", "twin_7_in_jax"])
def test_examples_that_the_build_does_not_run(name, capsys):
    """The others, plot_*.py, are run whenever the pages are built."""
    twin = runpy.run_path(str(DOCS / "gallery" / f"{name}.py"))["twin"]
    assert twin.fit.cost_after < twin.fit.cost_before and "cost" in capsys.readouterr().out


def test_no_line_is_a_comment_to_markdown():
    pages = [*DOCS.rglob("*.md"), *(ROOT / "validation").rglob("*.md"), ROOT / "README.md"]
    assert not [page for page in pages if re.search(r"^\s*%", page.read_text(encoding="utf-8"), re.MULTILINE)]


def test_names_of_other_packages_are_listed(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(DOCS / "_extensions")
    import neighbours

    pages = [*DOCS.rglob("*.md"), *(DOCS / "gallery").glob("*.py")]
    roles = re.compile(r"(?:\{(?:func|class)\}|:(?:func|class):)`((?:numpy|scipy|ot|torch)\.[\w.]+)`")
    named = {name for page in pages for name in roles.findall(page.read_text(encoding="utf-8"))}
    assert named <= {name for _, names in neighbours.SITES.values() for name in names} and len(named) > 5
    site, path = neighbours.mapping(tmp_path)["ot"]
    head, lines = Path(path).read_bytes().split(b"zlib.\n")
    assert site.startswith("https://") and head.startswith(b"# Sphinx inventory version 2\n# Project: ot\n")
    assert zlib.decompress(lines).splitlines()[0] == b"ot.emd py:function 1 all.html#$ -"
    del sys.modules["neighbours"]
