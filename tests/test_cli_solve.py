"""The commands that need no fit: solve, pairs, completion; tables of every kind; options made of signatures."""

import argparse
import inspect
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import eulerot
from eulerot.cli import _parser, main
from eulerot.cli.formula import evaluated
from eulerot.cli.options import add_options
from eulerot.cli.tables import read_pairs, read_points, write_pairs, write_points
from eulerot.euler.solver import solve_euler
from eulerot.flows.pairs_report import PairsReport
from eulerot.shooting.options import FitOptions

PARSERS = next(action.choices for action in _parser()._actions if isinstance(action, argparse._SubParsersAction))
RNG = np.random.default_rng(0)
Z, X = RNG.standard_normal((2, 7, 3))
PROBLEM = """
points = [16, 16]
vorticity = "cos(x) + a*cos(2*y)"
constants = {a = 0.5}
time = 0.5
save_at = [0, 0.5]
particles = [[1.0, 2.0]]
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("command", PARSERS)
def test_the_example_of_every_command_is_one_that_it_takes(command, capsys):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    example = re.search(r"example:\n  (.*)\n", capsys.readouterr().out)[1]
    if command == "completion":
        example = re.search(r"\$\((.*)\)", example)[1]
    program, *words = shlex.split(example, comments=True)
    assert program == "eulerot" and words[0] == command
    assert _parser().parse_args(words).command == command


@pytest.mark.parametrize(("command", "function"), [("fit", FitOptions), ("demo", FitOptions), ("solve", solve_euler)])
def test_commands_have_all_options_of_the_library(command, function):
    names = {name for action in PARSERS[command]._actions for name in action.option_strings}
    # what no line of text can say, what --quiet says, and of a demo the domain of its flows
    left_out = {"progress", "comm", "callback"} | ({"domain"} if command == "demo" else set())
    keywords = {p.name for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY}
    assert left_out - {"callback"} <= keywords | {"domain"}
    assert {f"--{name.replace('_', '-')}" for name in keywords - left_out} <= names


def test_options_without_docstrings_have_no_help_and_work(monkeypatch):
    monkeypatch.setattr(FitOptions, "__doc__", None)  # python -OO
    parser = argparse.ArgumentParser()
    add_options(parser, FitOptions, name="eulerot.fit")
    assert vars(parser.parse_args(["--modes", "3", "--axes", "0.5"])) == {"modes": 3, "axes": [0.5]}


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".csv", ".parquet"])
def test_pairs_and_points_come_back_from_files_of_every_kind(suffix, tmp_path):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path / f"pairs{suffix}"
    write_pairs(path, Z, X)
    assert all(np.array_equal(*each) for each in zip(read_pairs(path), (Z, X), strict=True))
    write_points(path, Z, "y")
    assert np.array_equal(read_points(path, usual="z"), Z)


def test_columns_are_arrays_by_their_names(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("x_1,z0,x_0,z1\n1,2,3,4\n5,6,7,8\n")
    z, x = read_pairs(path)
    assert z.tolist() == [[2, 4], [6, 8]] and x.tolist() == [[3, 1], [7, 5]]
    assert read_points(path, "x", usual="z").tolist() == x.tolist()
    path.write_text("a,b\n1,2\n")
    assert read_points(path, usual="z").tolist() == [[1, 2]]
    with pytest.raises(eulerot.FormatError, match=r"z and x missing among table\. .* name the columns"):
        read_pairs(path)


def test_parquet_of_text_or_without_pyarrow_is_a_sentence(tmp_path, monkeypatch, capsys):
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.table({"z0": ["one"]}), tmp_path / "text.parquet")
    for content in (None, b"no parquet"):
        if content:
            (tmp_path / "text.parquet").write_bytes(content)
        assert main(["fit", "text.parquet"]) == 2
        assert "expected a parquet file whose columns are numbers" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert main(["pairs", "linear", "-o", "p.parquet"]) == 2
    assert "run `pip install eulerot[parquet]`" in capsys.readouterr().err and not os.path.exists("p.parquet")


def test_pairs_are_those_of_the_flow(capsys):
    assert main(["pairs", "linear", "-n", "9", "-o", "p.csv", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"out": "p.csv", "flow": "linear", "n": 9, "dim": 2}
    z, x = read_pairs(Path("p.csv"))
    assert np.array_equal(x, eulerot.zoo.load("linear").forward(z)) and len(z) == 9
    assert main(["pairs", "linear", "-n", "0"]) == 2
    assert "n: expected a positive whole number" in capsys.readouterr().err


def test_solve_gives_the_solution_of_the_library(tmp_path, capsys):
    (tmp_path / "problem.toml").write_text(PROBLEM)
    assert main(["solve", "problem.toml", "--steps", "5", "--json", "--quiet"]) == 0
    values = json.loads(capsys.readouterr().out)
    grid = eulerot.Grid((16, 16))
    x, y = grid.mesh()
    expected = solve_euler(
        np.cos(x) + 0.5 * np.cos(2 * y), grid, time=0.5, steps=5, save_at=[0, 0.5], particles=[[1.0, 2.0]]
    )
    with np.load("solution.npz") as arrays:
        assert np.array_equal(arrays["field"], expected.field) and np.array_equal(arrays["energy"], expected.energy)
        assert np.array_equal(arrays["saved_positions"], expected.saved.positions)
    assert values["status"] == "completed" and values["steps"] == 5 and values["energy"][1] == expected.energy[-1]
    # options win over the description, constants one by one
    assert main(["solve", "problem.toml", "--steps", "5", "--constants", "a=1", "-o", "end.npy"]) == 0
    streams = capsys.readouterr()
    assert "completed at time 0.5 after 5 steps" in streams.out and "solving" in streams.err
    assert not np.array_equal(np.load("end.npy"), expected.field)
    assert main(["solve", "problem.toml", "--velocity", "sin(y); 0", "--json", "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out)["energy"][0] == pytest.approx(0.25)


def test_solve_takes_velocities_files_and_stores(capsys):
    words = ["--points", "8", "8", "8", "--time", "0.1", "--quiet", "-o", "end.npy"]
    velocity = "sin(x)*cos(y)*cos(z); -cos(x)*sin(y)*cos(z); 0"
    assert main(["solve", "--velocity", velocity, *words]) == 0
    end = np.load("end.npy")
    grid = eulerot.Grid((8, 8, 8))
    x, y, z = grid.mesh()
    start = np.array([np.sin(x) * np.cos(y) * np.cos(z), -np.cos(x) * np.sin(y) * np.cos(z), 0 * x])
    assert np.allclose(end, solve_euler(start, grid, time=0.1).field, atol=1e-13)
    np.save("start.npy", start)
    assert main(["solve", "--field0", "start.npy", *words]) == 0
    assert np.allclose(np.load("end.npy"), end, atol=1e-13)
    np.save("points.npy", [[1.0, 1.0]])
    words = ["solve", "--points", "8", "8", "--velocity=-sin(y); sin(x)", "--particles", "points.npy"]
    assert main([*words, "--time", "0.1", "--tail-limit", "none", "--quiet", "--json"]) == 0
    assert np.load("solution.npz")["positions"].shape == (1, 2)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--vorticity cos(x)", "points: expected it in the description or as --points"),
        ("--points 8 8 --time 1", "field: expected one of vorticity, velocity and field0; got none"),
        ("--points 8 8 --time 1 --vorticity 1 --field0 a.npy", "got vorticity and field0"),
        ("--points 8 8 --time 1 --velocity x", "velocity: expected 2 formulas on this grid"),
        ("--points 8 8 --time 1 --vorticity cos(w)", r"got 'cos\(w\)' \(w is not known\)"),
        ("--points 8 8 --time 1 --vorticity cos(x", "expected a formula of pi, x, y"),
        ("--points 8 --time 1 --vorticity 1", "points"),
        ("wrong.toml", "expected the names points, .*; got tiem"),
        ("broken.toml", "expected a TOML file"),
        ("none.toml", "No such file"),
        ("odd.toml", "constants: expected a table"),
        ("odd.toml --points 8 8", "constants: expected a table"),
        ("--points 8 8 --time 1 --vorticity x --constants x=1", "constants: expected names other than .*; got x"),
        ("--points 8 8 --time 1 --vorticity x -o none/end.npy", "there is no folder"),
    ],
)
def test_a_bad_problem_ends_with_2_and_a_sentence(words, message, tmp_path, capsys):
    (tmp_path / "wrong.toml").write_text("tiem = 1")
    (tmp_path / "broken.toml").write_text("time =")
    (tmp_path / "odd.toml").write_text("time = 1\nconstants = 3\nvorticity = 1")
    assert main(["solve", *words.split()]) == 2
    streams = capsys.readouterr()
    assert re.search(message, streams.err), streams.err
    assert streams.out == "" and not os.path.exists("solution.npz")


@pytest.mark.parametrize(
    "formula", ["open('x')", "x.real", "().__class__", "x if x else 1", "'a'", "True", "9**9**9**9", "x;y", "", "f(x)"]
)
def test_formulas_hold_no_other_code(formula):
    with pytest.raises(ValueError, match=r"^vorticity: expected a formula"):
        evaluated("vorticity", formula, {"x": np.ones(3)})


def test_formulas_of_shear_layers():
    y = np.linspace(0, 1, 5)
    values = evaluated(
        "u", "\n where(y <= 0.5, tanh(k*(y - 1/4)),\n -tanh(k*(y - 3/4))) ** 2\n % 1", {"y": y, "k": 3.0}
    )
    expected = np.where(y <= 0.5, np.tanh(3 * (y - 0.25)), -np.tanh(3 * (y - 0.75))) ** 2 % 1
    assert np.array_equal(values, expected)


def test_a_report_measures_once(monkeypatch, capsys):
    calls = []
    bound = eulerot.flows.pairs_report.dual_bound
    monkeypatch.setattr("eulerot.flows.pairs_report.dual_bound", lambda *a, **k: calls.append(1) or bound(*a, **k))
    np.savez("pairs.npz", z=Z[:, :1].repeat(3, axis=0), x=X[:, :1].repeat(3, axis=0))
    eulerot.Rearrangement.identity(1).save("map.npz")
    assert main(["report", "pairs.npz", "--map", "map.npz", "--html", "page.html", "--certificate", "--seed", "1"]) == 0
    assert len(calls) == 1 and "dual bound" in capsys.readouterr().out and os.path.exists("page.html")
    assert main(["report", "pairs.npz", "--domain", "torus", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["before"]["n"] == 21
    with pytest.raises(ValueError, match=r"^domain: expected"):
        PairsReport(Z, X, domain="sphere")


# What each shell runs once it has the script: it prints the words that complete a command line, the last of them begun
COMPLETED = {
    "bash": "COMP_WORDS=({words}) COMP_CWORD={last}\n_eulerot\necho ${{COMPREPLY[@]}}",
    # as bashcompinit calls the functions of bash; which words fit what was begun is seen to afterwards, by compadd
    "zsh": "emulate ksh -c 'COMP_WORDS=({words}); COMP_CWORD={last}; _eulerot; echo ${{COMPREPLY[@]}}'",
    "fish": "complete -C {line} | cut -f 1",
}


@pytest.mark.parametrize("shell", COMPLETED)
def test_completions(shell, capsys, tmp_path):
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out

    def completed(*words):
        words = ["eulerot", *words]
        asked = COMPLETED[shell].format(
            words=" ".join(word or '""' for word in words), last=len(words) - 1, line=shlex.quote(" ".join(words))
        )
        done = subprocess.run(
            [shell, "-c", f"{script}\n{asked}"],
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
            env=os.environ | {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)},
        )
        assert not done.stderr
        return [word for word in done.stdout.split() if shell != "zsh" or word.startswith(words[-1])]

    assert completed("so") == ["solve"] and completed("fit", "--mod") == ["--modes"]
    assert completed("fit", "--domain", "") == ["cube", "torus"] and completed("completion", "z") == ["zsh"]
    assert set(completed("")) == set(PARSERS)


def test_equations_in_the_help_keep_their_numbers_in_fish(capsys):
    assert main(["completion", "fish"]) == 0
    assert r"equation (3\')" in capsys.readouterr().out
