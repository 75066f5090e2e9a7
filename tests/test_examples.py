"""The worked examples of the documentation: small versions run, and what they measure is what they say."""

import sys
from pathlib import Path

import numpy as np
import pytest

import eulerot
from eulerot.flows.linear import LinearFlow

EXAMPLES = Path(__file__).parent.parent / "docs" / "examples"


@pytest.fixture
def script(monkeypatch, request):
    """Return the example of that name as a module."""
    monkeypatch.syspath_prepend(EXAMPLES)
    yield __import__(request.param)
    del sys.modules[request.param]


def of(name):
    return pytest.mark.parametrize("script", [name], indirect=True)


def table(text):
    """Return the cells of a Markdown table, head first."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if "|" in line]
    assert len({len(row) for row in rows}) == 1
    return [rows[0], *rows[2:]]


def recorded(name, printed):
    """Return whether the page has a table with the head that the script prints, and the picture is there."""
    page = (EXAMPLES / f"{name}.md").read_text(encoding="utf-8")
    picture = EXAMPLES.parent / "images" / f"{name}.png"
    return printed.splitlines()[0] in page and f"images/{name}.png" in page and picture.exists()


@of("interpolation")
def test_a_rotation_of_latents_leaves_their_lines_as_they_are(script):
    matrix = np.array([[2.0, 1.0], [0.0, 1.0]])
    flow = LinearFlow(matrix, [1.0, 0.0])
    a, b = flow.sample(50, seed=1), flow.sample(50, seed=2)
    turned = eulerot.RearrangedFlow(flow, eulerot.Rearrangement(np.array([[0.0, -1.0], [1.0, 0.0]]), ()))
    before, after = (script.measured(each, a, b, steps=8) for each in (flow, turned))
    assert np.allclose(before.length, np.linalg.norm(b - a, axis=1), rtol=1e-12)
    assert all(np.allclose(left, right, atol=1e-12) for left, right in zip(before[:3], after[:3], strict=True))
    assert np.all(before.back == 0)  # the symmetric part of the matrix is positive
    assert set(script.measured(LinearFlow(-matrix, [0.0, 0.0]), a, b, steps=8).back) == {1.0}


@pytest.mark.slow
@of("interpolation")
def test_interpolation(script, tmp_path, capsys):
    picture = tmp_path / "two.png"
    script.main(["--flows", "two_moons", "--paths", "50", "--picture", str(picture)], n_pairs=512, modes=4)
    printed = capsys.readouterr().out
    head, row = table(printed)
    assert row[0] == "two_moons" and picture.stat().st_size > 10_000 and recorded("interpolation", printed)
    backwards = [float(row[column].split()[0]) for column in (head.index("backwards, flow"), -1)]
    assert backwards[1] < backwards[0]
