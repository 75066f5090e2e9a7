"""Fits that survive: whatever ends a fit and whenever, the same call goes on, and its result has the same bits."""

import itertools
import json
import os
import re
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from processes import started
from scipy.optimize import rosen, rosen_der
from swirls import monge, swirled

import eulerot
from eulerot import files
from eulerot.cli import main
from eulerot.shooting.journal import Journal
from eulerot.shooting.options import FitOptions


def pairs(n, dim):
    z = np.random.default_rng(0).standard_normal((n, dim))
    return z, monge(swirled(z))


def angles(n):
    z = np.random.default_rng(0).uniform(-np.pi, np.pi, (n, 2))
    return z, z + 0.5 * np.sin(z[:, ::-1]) + [1.0, 0.0]


QUICK = {"steps": 4, "max_iterations": 12, "tolerance": 1e-3}
CASES = {
    "plane": (pairs(300, 2), {"modes": 4, **QUICK}),
    "geodesics": (pairs(300, 2), {"modes": 4, "geodesics": 2, "align": False, "axes": 0.3, **QUICK}),
    "torus": (angles(300), {"modes": 3, "domain": "torus", **QUICK}),
    "space": (pairs(300, 3), {"modes": 3, "regularisation": 1e-3, **QUICK}),
    "sweeps": (pairs(400, 4), {"modes": 3, "geodesics": 2, **QUICK}),
}


def crash():
    raise RuntimeError("the lights went out")


def interrupt():
    signal.raise_signal(signal.SIGINT)


def told(result, folder):
    """Return all that a fit says, the bytes of its map among it, but for the time taken."""
    result.rearrangement.save(folder / "told")
    history = tuple(replace(stage, seconds=0.0) for stage in result.history)
    return replace(result, rearrangement=(folder / "told").read_bytes(), history=history, seconds=0.0)


def arrays_of(file):
    return files.read_arrays(file, kind="eulerot checkpoint", version=1)


def kept(file):
    """Return how many evaluations a checkpoint holds."""
    return len(arrays_of(file)["sizes"])


@pytest.mark.parametrize(
    "case", [case if case == "torus" else pytest.param(case, marks=pytest.mark.slow) for case in CASES]
)
def test_a_fit_that_is_ended_again_and_again_has_the_result_of_one_that_is_not(case, evaluations, tmp_path):
    (z, x), options = CASES[case]
    whole, rng = told(eulerot.fit(z, x, **options), tmp_path), np.random.default_rng(len(case))
    needed, file, spent = evaluations.count, tmp_path / "file", 0
    for pieces in itertools.count(1):
        evaluations.until(rng.integers(1, max(2, needed // 3)), crash if pieces % 2 else interrupt)
        try:
            result = eulerot.fit(z, x, checkpoint=file, threads=1 + pieces % 2, **options)
        except RuntimeError:
            result = None
        spent += evaluations.count
        assert spent <= needed + pieces  # nothing is computed twice but the last answer of each piece
        if result is not None and result.status != "interrupted":
            break
        assert result is None or "goes on from the checkpoint" in result.message
    assert pieces > 2 and told(result, tmp_path) == whole
    evaluations.until(None, crash)
    assert told(eulerot.fit(z, x, checkpoint=file, **options), tmp_path) == whole and evaluations.count <= 1
    assert sorted(os.listdir(tmp_path)) == ["file", "told"]


SCRIPT = f"""
import sys, time
sys.path.insert(0, {str(Path(__file__).parent)!r})
import pytest
from evaluations import Evaluations
from test_checkpoint import CASES, eulerot

class Told(Evaluations):
    def evaluated(self, function, theta):
        print("evaluated", flush=True)
        return super().evaluated(function, theta)

evaluations = Told(pytest.MonkeyPatch())
# by this clock each evaluation takes ten seconds and nothing else takes any: the file is written after each
time.monotonic = lambda: 10.0 * evaluations.count
(z, x), options = CASES["plane"]
eulerot.fit(z, x, checkpoint="file", threads=1, **options).rearrangement.save("map")
"""


@pytest.mark.slow
def test_killed_at_random_times(evaluations, tmp_path):
    (z, x), options = CASES["plane"]
    # where this process has compiled the loops, the others load them from the cache: the bits are the same
    whole, needed = told(eulerot.fit(z, x, **options), tmp_path), evaluations.count
    rng, entries, folder = np.random.default_rng(4), [0], tmp_path / "folder"
    folder.mkdir()

    for _ in range(3):
        process = started("-c", SCRIPT, cwd=folder)
        for _ in range(rng.integers(3, needed // 4)):
            assert process.stdout.readline() == "evaluated\n"
        time.sleep(rng.uniform(0.0, 0.01))
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        # what is there is whole, and more than there was
        entries.append(kept(folder / "file"))
    assert all(before < after for before, after in itertools.pairwise(entries))
    evaluated = started("-c", SCRIPT, cwd=folder).communicate()[0].count("evaluated")
    assert evaluated <= needed - entries[-1] + 1  # what the file holds is not computed again, but for its last answer
    assert (folder / "map").read_bytes() == whole.rearrangement
    assert sorted(os.listdir(folder)) == ["file", "map"]


@pytest.fixture
def half(evaluations, tmp_path):
    """Return the file of a fit that was ended half-way."""
    (z, x), options = CASES["plane"]
    evaluations.until(30, crash)
    with pytest.raises(RuntimeError, match="lights"):
        eulerot.fit(z, x, checkpoint=tmp_path / "half", **options)
    evaluations.until(None, crash)
    return tmp_path / "half"


@pytest.mark.slow
def test_a_file_of_another_fit_is_refused_and_left_alone(half, evaluations):
    (z, x), options = CASES["plane"]
    before, again = half.read_bytes(), {"checkpoint": half, **options}
    cases = [
        ((z, x + 1e-13), again, "pairs"),
        ((z, x), again | {"seed": 1}, "pairs"),
        ((z, x), again | {"modes": 5}, "modes"),
        ((z, x), again | {"align": False, "steps": 9}, "align, steps"),
        (pairs(300, 3), again | {"modes": 3}, "modes, pairs"),
    ]
    for samples, different, names in cases:
        with pytest.raises(ValueError, match=f"checkpoint: expected the file of this fit.* differs in {names}\\. "):
            eulerot.fit(*samples, **different)
    assert half.read_bytes() == before and evaluations.count == 0
    assert eulerot.fit(z, x, **again, progress=True, threads=2).status == "converged" and evaluations.count > 0


def test_the_version_of_the_package_is_part_of_the_fit(half):
    (z, x), options = CASES["plane"]
    arrays = arrays_of(half)
    arrays["problem"] = json.dumps(json.loads(str(arrays["problem"])) | {"version": "0.0.1"})
    files.write_arrays(half, arrays, kind="eulerot checkpoint", version=1)
    with pytest.raises(ValueError, match=r"differs in version\."):
        eulerot.fit(z, x, checkpoint=half, **options)


def test_what_is_no_whole_checkpoint_is_refused(half, evaluations, tmp_path):
    (z, x), options = CASES["plane"]
    data = half.read_bytes()
    for broken in (data[:-1], data[: len(data) // 2], b"", data[:500] + b"?" + data[501:], b"no archive"):
        half.write_bytes(broken)
        with pytest.raises(eulerot.FormatError):
            eulerot.fit(z, x, checkpoint=half, **options)
        assert half.read_bytes() == broken
    eulerot.Rearrangement.identity(2).save(half)
    with pytest.raises(eulerot.FormatError, match=r"expected .* 'eulerot checkpoint'; got 'eulerot rearrangement'"):
        eulerot.fit(z, x, checkpoint=half, **options)
    files.write_arrays(half, {"problem": "[1]", "sizes": [3]}, kind="eulerot checkpoint", version=1)
    with pytest.raises(eulerot.FormatError, match="expected a checkpoint; got arrays that are none"):
        eulerot.fit(z, x, checkpoint=half, **options)
    assert evaluations.count == 0


@pytest.mark.parametrize("place", ["a value", "a gradient", "the last value", "the last gradient"])
def test_answers_of_another_machine_are_found_out(place, half):
    # a last bit is another, as where products are summed in another order; what comes before the end shows by more
    (z, x), options = CASES["plane"]
    arrays = arrays_of(half)
    if place == "a value":
        arrays["numbers"][0] -= 1.0
    elif place == "a gradient":
        arrays["numbers"][3] *= 1.0 + 1e-12
    else:
        number = {"the last value": -arrays["sizes"][-1], "the last gradient": -1}[place]
        arrays["numbers"][number] = np.nextafter(arrays["numbers"][number], np.inf)
    files.write_arrays(half, arrays, kind="eulerot checkpoint", version=1)
    before = half.read_bytes()
    with pytest.raises(eulerot.FormatError, match=r"contradicts it at evaluation \d+ of 30.* Delete it"):
        eulerot.fit(z, x, checkpoint=half, **options)
    assert half.read_bytes() == before


@pytest.mark.parametrize("path", ["", ".", "none/file", "a\0b", 3, ["file"]])
def test_a_path_that_cannot_be_is_refused_before_any_work(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"checkpoint: expected (a file in a folder that exists|the path of a file)"):
        FitOptions(checkpoint=path)
    assert FitOptions(checkpoint="file").checkpoint == Path("file") and os.listdir(tmp_path) == []


@pytest.mark.slow
def test_what_cannot_be_written_ends_a_fit_before_it_begins_and_not_later(evaluations, tmp_path, monkeypatch):
    (z, x), options = CASES["plane"]
    with pytest.raises(OSError):
        eulerot.fit(z, x, checkpoint=tmp_path / ("long" * 100), **options)
    assert evaluations.count == 0
    whole, file, synchronise = told(eulerot.fit(z, x, **options), tmp_path), tmp_path / "file", os.fsync

    def full(descriptor):
        if file.exists():
            raise OSError(28, "No space left on device")
        synchronise(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.warns(UserWarning, match=r"could not be written .*No space left on device.*; the fit goes on"):
            result = eulerot.fit(z, x, checkpoint=file, **options)
    # what was written before is still there, whole
    assert told(result, tmp_path) == whole and kept(file) == 0
    assert told(eulerot.fit(z, x, checkpoint=file, **options), tmp_path) == whole


def test_leftovers_of_killed_writers_are_removed(tmp_path):
    ours = tmp_path / ".a[b].0123456789abcdef.part"
    others = [tmp_path / name for name in (".a[b].txt.0123456789abcdef.part", ".b.0123456789abcdef.part", "a[b]")]
    for file in (ours, *others):
        file.write_text("half")
    files.remove_partial(tmp_path / "a[b]")
    assert sorted(tmp_path.iterdir()) == sorted(others)


@pytest.mark.parametrize("disk", [0.0, pytest.param(0.15, marks=pytest.mark.slow)])
def test_writing_waits_a_second_and_takes_no_more_than_a_twentieth_of_the_time(disk, tmp_path, monkeypatch):
    file, now, found, synchronise, synchronised = tmp_path / "file", 100.0, [], os.fsync, 0

    def slow_disk(descriptor):
        nonlocal now, synchronised
        now, synchronised = now + disk, synchronised + 1
        synchronise(descriptor)

    def function(theta):
        nonlocal now
        now += 0.4
        found.append(kept(file))
        return rosen(theta), rosen_der(theta)

    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setattr(os, "fsync", slow_disk)
    with Journal.of(FitOptions(checkpoint=file), pairs(20, 2)) as journal:
        journal.minimise(function, np.full(8, -1.0))
    assert kept(file) == len(found) > 50  # the last ones at the end
    if disk == 0.0:  # the first evaluation is written, and then what there is when a second has passed
        assert found[:10] == [0, 1, 1, 1, 4, 4, 4, 7, 7, 7]
    else:  # but for the empty file, the first evaluation and the end
        assert 0 < (synchronised - 3) * disk <= (now - 100.0) / 20


@pytest.mark.slow
def test_command_line_goes_on_after_ctrl_c(evaluations, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (z, x), _ = CASES["plane"]
    np.savez("pairs.npz", z=z, x=x)
    command = ["fit", "pairs.npz", "--modes", "4", "--max-iterations", "12", "--quiet", "--json"]
    assert main([*command, "-o", "whole"]) == 0
    whole = json.loads(capsys.readouterr().out)
    evaluations.until(evaluations.count - 3, interrupt)
    assert main([*command, "-o", "map", "--checkpoint", "file"]) == 130
    assert re.search("goes on from the checkpoint", json.loads(capsys.readouterr().out)["message"])
    evaluations.until(None, crash)
    assert main([*command, "-o", "map", "--checkpoint", "file"]) == 0 and evaluations.count <= 4
    again = json.loads(capsys.readouterr().out)
    assert again["cost_after"] == whole["cost_after"] and Path("map").read_bytes() == Path("whole").read_bytes()
    assert main([*command, "--checkpoint", "none/file"]) == 2
    assert "checkpoint: expected a file in a folder that exists" in capsys.readouterr().err


@pytest.mark.slow
def test_rearrange_takes_a_checkpoint(evaluations, tmp_path):
    flow, options = eulerot.zoo.load("linear"), {"n_pairs": 300, "modes": 4, "checkpoint": tmp_path / "file"}
    first = eulerot.rearrange(flow, **options)
    evaluations.until(None, crash)
    again = eulerot.rearrange(flow, **options)
    assert told(first.fit, tmp_path) == told(again.fit, tmp_path) and evaluations.count <= 1
