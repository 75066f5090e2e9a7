"""The command line: what it prints, what it leaves, how it ends."""

import itertools
import json
import os
import re
import signal
import sys
import time

import numpy as np
import pytest
from processes import python, started

import eulerot
from eulerot.cli import main
from eulerot.transport.cost import transport_cost
from eulerot.validation import CHECKS, Check, validate

COMMANDS = ("demo", "pairs", "fit", "apply", "report", "animate", "solve", "bench", "validate", "completion")
FIT = ["--modes", "4", "--regularisation", "1e-3", "--seed", "3", "--no-align"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with pairs and a map fitted to them from the command line."""
    folder = tmp_path_factory.mktemp("cli")
    z = np.random.default_rng(0).standard_normal((400, 2))
    np.savez(folder / "pairs.npz", z=z, x=z @ [[0.0, 2.0], [-1.0, 0.0]])
    assert main(["fit", str(folder / "pairs.npz"), "-o", str(folder / "map.npz"), *FIT, "--quiet"]) == 0
    return folder


def test_help_of_every_command(capsys):
    for command in COMMANDS:
        with pytest.raises(SystemExit) as end:
            main([command, "--help"])
        assert end.value.code == 0
        text = capsys.readouterr().out
        assert f"usage: eulerot {command}" in text and "--json" in text and "130 interrupted" in text
    with pytest.raises(SystemExit) as end:
        main([])
    assert end.value.code == 2
    with pytest.raises(SystemExit):
        main(["--version"])
    assert eulerot.__version__ in capsys.readouterr().out


@pytest.mark.slow
def test_fit_writes_the_map_that_the_library_finds(folder, capsys, tmp_path):
    arguments = ["fit", str(folder / "pairs.npz"), "-o", str(tmp_path / "map"), *FIT]
    assert main([*arguments, "--json", "--quiet"]) == 0
    streams = capsys.readouterr()
    values = json.loads(streams.out)
    assert streams.err == "" and os.listdir(tmp_path) == ["map"]
    with np.load(folder / "pairs.npz") as pairs:
        result = eulerot.fit(pairs["z"], pairs["x"], modes=4, regularisation=1e-3, seed=3, align=False)
        written = eulerot.Rearrangement.load(tmp_path / "map").forward(pairs["z"])
        assert np.array_equal(written, result.rearrangement.forward(pairs["z"]))
    assert values["cost_after"] == result.cost_after and values["status"] == result.status
    assert values["history"][0]["regularisation"] == 1e-3
    assert main(arguments) == 0
    streams = capsys.readouterr()
    assert f"{result.cost_after:.5f} after" in streams.out and "fitting" in streams.err


@pytest.mark.parametrize("suffix", [".npy", ".npz", ""])
def test_apply_there_and_back(suffix, folder, tmp_path, capsys):
    z = np.random.default_rng(1).standard_normal((50, 2))
    np.save(tmp_path / "z.npy", z)
    moved, back = tmp_path / f"y{suffix}", tmp_path / "back.npy"
    assert main(["apply", str(folder / "map.npz"), str(tmp_path / "z.npy"), "-o", str(moved)]) == 0
    y = np.load(moved)["y"] if suffix == ".npz" else np.load(moved)
    assert np.array_equal(y, eulerot.Rearrangement.load(folder / "map.npz").forward(z))
    capsys.readouterr()
    assert main(["apply", str(folder / "map.npz"), str(moved), "--inverse", "-o", str(back), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"out": str(back), "n": 50, "dim": 2, "inverse": True}
    assert np.abs(np.load(back) - z).max() < 1e-8
    pairs = str(folder / "pairs.npz")  # two arrays: z is taken, or the one that is named
    assert main(["apply", str(folder / "map.npz"), pairs, "-o", str(back), "--array", "x"]) == 0
    assert len(np.load(back)) == 400


@pytest.mark.slow
def test_report_is_that_of_the_library(folder, capsys, tmp_path):
    pairs = ["report", str(folder / "pairs.npz"), "--max-pairs", "300"]
    with np.load(folder / "pairs.npz") as arrays:
        z, x = arrays["z"][:300], arrays["x"][:300]
    before = eulerot.transport_report(z, x)
    assert main([*pairs]) == 0
    assert capsys.readouterr().out.strip() == str(before)
    page = tmp_path / "page.html"
    assert main([*pairs, "--map", str(folder / "map.npz"), "--json", "--html", str(page)]) == 0
    values = json.loads(capsys.readouterr().out)
    s = eulerot.Rearrangement.load(folder / "map.npz")
    after = eulerot.transport_report(s.forward(z), x)
    assert values["before"] == vars(before) and values["after"] == vars(after)
    assert values["closed"] == 1 - after.excess / before.excess and 0 < values["density_error"] < 1e-6
    text = page.read_text()
    assert f"{after.excess:.5f}" in text and text.count("data:image/png;base64,") == 4
    assert text.count("data:image/gif;base64,") == 1 and "certified to be a shortest path" in text
    assert "@media print" in text and "width=device-width" in text
    assert not re.search(r'(src|href)="(?!data:)|url\(|@import', text)  # nothing to fetch
    assert main([*pairs, "--map", str(folder / "map.npz")]) == 0
    assert "closed" in capsys.readouterr().out


@pytest.mark.slow
def test_maps_of_angles_are_measured_the_shortest_way_round_and_not_animated(tmp_path, capsys):
    z = np.random.default_rng(0).uniform(-np.pi, np.pi, (40, 2))
    shift = eulerot.Rearrangement(np.eye(2), shift=[3.0, -2.0])
    np.savez(tmp_path / "pairs.npz", z=z, x=shift.forward(z))
    shift.save(tmp_path / "map.npz")
    pairs, map_, page = (str(tmp_path / name) for name in ("pairs.npz", "map.npz", "page.html"))
    assert main(["report", pairs, "--map", map_, "--json", "--html", page]) == 0
    values = json.loads(capsys.readouterr().out)
    assert np.isclose(values["before"]["cost"], 3.0**2 + 2.0**2) and values["after"]["cost"] < 1e-20
    assert "<td>13.00000</td><td>0.00000</td>" in (tmp_path / "page.html").read_text()
    assert main(["animate", map_, "-o", str(tmp_path / "path.gif")]) == 2
    assert "got one of angles" in capsys.readouterr().err and not (tmp_path / "path.gif").exists()


@pytest.mark.slow
def test_a_warning_is_a_sentence_and_keeps_json_clean(tmp_path):
    z = np.random.default_rng(0).standard_normal((40, 2))
    np.savez(tmp_path / "pairs.npz", z=z, x=z)
    out, errors = python("-m", "eulerot", "fit", "pairs.npz", "--modes", "1", "--json", "--quiet", cwd=tmp_path)
    assert re.fullmatch(r"eulerot: warning: held_out: expected .* got 5 of 40\. [^\n]*\n", errors), errors
    assert json.loads(out)["n_held_out"] == 5


def test_animate_draws_every_frame(folder, tmp_path, capsys):
    image = pytest.importorskip("PIL.Image")
    out = tmp_path / "path.gif"
    arguments = ["animate", str(folder / "map.npz"), "-o", str(out), "--frames", "3", "--points", "60"]
    assert main([*arguments, "--quiet", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"out": str(out), "frames": 3}
    with image.open(out) as picture:
        assert picture.n_frames == 3 and picture.size == (720, 360)
        frames = []
        for number in range(3):
            picture.seek(number)
            frames.append(np.asarray(picture.convert("RGB"), dtype=float))
    # the left half moves; and all is drawn in the same colours: the white stays
    assert all(np.any(a[:, :360] != b[:, :360]) for a, b in itertools.pairwise(frames))
    assert all(frame[0, 0].tolist() == [255.0] * 3 for frame in frames)


def test_demo_without_pictures(tmp_path, capsys):
    options = ["--pairs", "300", "--test-pairs", "200", "--modes", "4", "--no-pictures", "--quiet", "--json"]
    assert main(["demo", "--flow", "linear", "--out", str(tmp_path), "--align", *options]) == 0
    values = json.loads(capsys.readouterr().out)
    assert sorted(os.listdir(tmp_path)) == ["map.npz", "report.md"] and values["closed"] > 0.9
    assert f"{values['after']['cost']:.5f}" in (tmp_path / "report.md").read_text()


@pytest.mark.slow
def test_demo_with_pictures(tmp_path, capsys):
    options = ["--pairs", "300", "--test-pairs", "200", "--modes", "4", "--quiet"]
    assert main(["demo", "--out", str(tmp_path), *options]) == 0
    assert {"report.md", "report.html", "path.gif", "samples.png", "vorticity.png"} <= set(os.listdir(tmp_path))
    assert str(tmp_path) in capsys.readouterr().out
    named = re.findall(r"!\[\]\((.*?)\)", (tmp_path / "report.md").read_text())
    assert len(named) == 7 and all((tmp_path / name).stat().st_size > 1000 for name in named)


@pytest.mark.slow
def test_bench_compares_what_it_says(capsys):
    assert main(["bench", "--rounds", "1", "--threads", "1", "--json", "--quiet"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert all(value > 0 for value in values.values())
    names = {name.split(",")[0] for name in values}
    assert names == {"tendency over its transforms", "gradient over forward", "samples a second"}
    # a gradient goes forward and back
    assert all(value > 1 for name, value in values.items() if name.startswith("gradient over forward"))


def test_validate_prints_a_table_and_fails_on_a_false_claim(capsys, monkeypatch):
    assert main(["validate", "--only", "steady", "--quiet"]) == 0
    assert capsys.readouterr().out.count("| yes |") == 1
    assert main(["validate", "--only", "file", "--json", "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out)["results"][0]["passed"] is True
    assert main(["validate", "--only", "nothing of the kind"]) == 2
    false = Check("two is at most one", "arithmetic", 1.0, lambda: 2.0)
    monkeypatch.setattr("eulerot.validation.CHECKS", (false,))
    assert main(["validate", "--quiet"]) == 1
    assert "| NO |" in capsys.readouterr().out


@pytest.mark.slow
def test_the_quick_claims_hold():
    slow = ("two moons", "linear")
    results = validate([check for check in CHECKS if not check.claim.startswith(slow)])
    assert len(results) > 8 and all(result.passed for result in results), "\n".join(map(str, results))
    assert not Check("not a number", "", 1.0, lambda: float("nan")).run().passed


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["fit", "none.npz"], "No such file"),
        (["fit", "text.npz"], "expected an .npz or .npy file of plain arrays"),
        (["fit", "."], "got a directory"),
        (["fit", "pickle.npz"], "expected an .npz or .npy file of plain arrays"),
        (["fit", "z.npz"], "expected arrays z and x; x missing among z"),
        (["fit", "short.npz"], r"x: expected the shape of z, \(5, 2\); got \(4, 2\)"),
        (["fit", "{pairs}", "--modes", "0"], "modes: expected a positive whole number"),
        (["fit", "{pairs}", "-o", "none/map.npz"], "no folder"),
        (["apply", "{pairs}", "z.npz", "-o", "y"], "expected a file written by eulerot"),
        (["apply", "{map}", "short.npz", "-o", "y", "--array", "w"], "expected an array w; got z, x"),
        (["apply", "{map}", "wide.npy", "-o", "y"], "z: expected samples of dimension 2; got 3 columns"),
        (["report", "{pairs}", "--max-pairs", "0"], "--max-pairs: expected at least 1"),
        (["report", "{pairs}", "--map", "z.npz"], "expected a file written by eulerot"),
        (["animate", "{map}", "--frames", "1"], "frames: expected a whole number of at least 2; got 1"),
        (["animate", "flat"], "rearrangement: expected one of the plane; got dimension 3"),
        (["demo", "--flow", "three_moons"], "name: expected one of checkerboard"),
        (["bench", "--rounds", "0"], "rounds: expected a positive whole number; got 0"),
        (["bench", "--threads", "-1"], "threads: expected a positive whole number; got -1"),
    ],
)
def test_bad_input_ends_with_2_and_a_sentence(words, message, folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.savez("z.npz", z=np.zeros((5, 2)))
    np.savez("short.npz", z=np.zeros((5, 2)), x=np.zeros((4, 2)))
    np.savez("pickle.npz", z=np.array([print], dtype=object))
    np.save("wide.npy", np.zeros((5, 3)))
    eulerot.Rearrangement.identity(3).save("flat")
    (tmp_path / "text.npz").write_text("no archive")
    before = sorted(os.listdir(tmp_path))
    words = [word.format(pairs=folder / "pairs.npz", map=folder / "map.npz") for word in words]
    assert main(words) == 2
    streams = capsys.readouterr()
    assert re.search(message, streams.err) and streams.err.startswith("eulerot: ") and streams.out == ""
    assert "Traceback" not in streams.err and sorted(os.listdir(tmp_path)) == before


def test_interrupt_ends_with_130(monkeypatch, capsys):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr("eulerot.validation.CHECKS", (Check("a long one", "arithmetic", 1.0, interrupted),))
    assert main(["validate", "--quiet"]) == 130
    streams = capsys.readouterr()
    assert "interrupted" in streams.err and streams.out == ""


@pytest.mark.slow
def test_an_interrupted_fit_writes_what_it_has(folder, tmp_path):
    z = np.random.default_rng(0).standard_normal((3000, 2))
    x = np.sinh(z @ [[0.0, 1.0], [-1.0, 0.3]])
    np.savez(tmp_path / "pairs.npz", z=z, x=x)
    process = started(
        "-m",
        "eulerot",
        "fit",
        "pairs.npz",
        "--modes",
        "12",
        "--threads",
        "1",
        "--regularisation",
        "1e-4",
        "1e-5",
        cwd=tmp_path,
    )
    seen = ""
    while not re.search(r"cost \d", seen):  # the progress bar has shown an iteration
        seen += (character := process.stderr.read(1))
        assert character, seen
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=100)
    assert process.returncode == 130 and "interrupted" in out
    assert transport_cost(eulerot.Rearrangement.load(tmp_path / "map.npz").forward(z), x) < transport_cost(z, x)


def test_commands_need_matplotlib_only_for_pictures(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.chdir(tmp_path)
    pairs, map_ = str(folder / "pairs.npz"), str(folder / "map.npz")
    assert main(["report", pairs, "--map", map_]) == 0
    assert main(["apply", map_, pairs, "-o", "y.npy"]) == 0
    for words in (["animate", map_], ["report", pairs, "--html", "page.html"], ["demo"]):
        assert main(words) == 2
        assert "pip install eulerot[plot]" in capsys.readouterr().err
    assert os.listdir(tmp_path) == ["y.npy"]
