"""Paths as users give them: pipes, devices, open files, a home by its sign, folders that are not there."""

import os
import re
import stat
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import eulerot
from eulerot import files
from eulerot.cli import main

Z = np.random.default_rng(0).standard_normal((40, 2))
TURN = eulerot.Rearrangement(np.array([[0.6, -0.8], [0.8, 0.6]]))
only_posix = pytest.mark.skipif(os.name == "nt", reason="there are no named pipes")


def through_a_pipe(pipe, write):
    """Return what `write` sends through a named pipe that is read meanwhile."""
    os.mkfifo(pipe)
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write(pipe)
    reader.join(timeout=60)
    assert stat.S_ISFIFO(pipe.stat().st_mode) and os.listdir(pipe.parent) == [pipe.name]
    return read[0]


@only_posix
def test_a_map_goes_through_a_named_pipe(tmp_path):
    data = through_a_pipe(tmp_path / "pipe", TURN.save)
    (tmp_path / "map").write_bytes(data)
    assert np.array_equal(eulerot.Rearrangement.load(tmp_path / "map").forward(Z), TURN.forward(Z))


@only_posix
def test_arrays_and_pictures_go_through_named_pipes(tmp_path):
    plotting = pytest.importorskip("eulerot.plotting")
    pytest.importorskip("matplotlib")
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    data = through_a_pipe(tmp_path / "a" / "pipe", lambda pipe: files.write_arrays(pipe, {"z": Z}, kind="t", version=1))
    (tmp_path / "arrays").write_bytes(data)
    assert np.array_equal(files.read_arrays(tmp_path / "arrays", kind="t", version=1)["z"], Z)

    def draw(pipe):
        with plotting.figure(pipe):
            pass

    assert through_a_pipe(tmp_path / "b" / "pipe.png", draw).startswith(b"\x89PNG")


@only_posix
def test_a_device_stays_a_device(tmp_path):
    device = tmp_path / "null"
    if os.geteuid() == 0:
        try:
            os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(1, 3))
        except OSError:
            pytest.skip("no device can be made here")
    else:  # who is not root could not replace it either: the link would be replaced
        device.symlink_to("/dev/null")
    TURN.save(device)
    np.save(tmp_path / "z.npy", Z)
    TURN.save(tmp_path / "map")
    assert main(["apply", str(tmp_path / "map"), str(tmp_path / "z.npy"), "-o", str(device)]) == 0
    assert stat.S_ISCHR(os.stat(device).st_mode) and sorted(os.listdir(tmp_path)) == ["map", "null", "z.npy"]
    assert device.read_bytes() == b""


@only_posix
def test_a_full_device_is_an_error_about_itself():
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no such device")
    with pytest.raises(OSError, match=r"No space left on device: '/dev/full'"):
        TURN.save("/dev/full")
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)


@pytest.mark.slow
@only_posix
@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1"])
@pytest.mark.parametrize("append", [False, True], ids=["pipe or new file", "appended"])
def test_the_standard_output_is_written_to(name, append, tmp_path):
    TURN.save(tmp_path / "map")
    np.save(tmp_path / "z.npy", Z)
    out = tmp_path / "out"
    out.write_bytes(b"before\n")
    command = [sys.executable, "-m", "eulerot", "apply", "map", "z.npy", "-o", name]
    with out.open("ab" if append else "wb") as target:
        done = subprocess.run(command, cwd=tmp_path, stdout=target, stderr=subprocess.PIPE, check=True)
    piped = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    np.save(tmp_path / "y.npy", TURN.forward(Z))
    expected = (tmp_path / "y.npy").read_bytes()
    assert out.read_bytes() == (b"before\n" if append else b"") + expected and piped.stdout == expected
    assert done.stderr.decode() == piped.stderr.decode() == f"40 points: {name}\n"


def writers():
    yield "save", TURN.save
    yield "write_arrays", lambda path: files.write_arrays(path, {"z": Z}, kind="test", version=1)
    yield "write_atomically", lambda path: files.write_atomically(path, b"all")


@pytest.mark.parametrize("write", [pytest.param(write, id=name) for name, write in writers()])
def test_errors_name_the_users_own_path(write, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError) as caught:
        write("none/map.npz")
    assert str(caught.value) == "[Errno 2] There is no such folder; make it first: 'none/map.npz'"
    assert caught.value.filename == "none/map.npz"
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError, match=r"name a file in it: 'folder'"):
        write("folder")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NotADirectoryError, match=r"'file/map.npz'"):
        write("file/map.npz")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match=r"No space left on device: 'map.npz'$"):
        write("map.npz")
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


@pytest.mark.parametrize("write", [pytest.param(write, id=name) for name, write in writers()])
@pytest.mark.parametrize("path", [None, 3, b"\0", "a\0b", ["map.npz"]])
def test_what_is_no_path_is_refused(write, path):
    with pytest.raises(ValueError, match="path: expected the path of a file; got"):
        write(path)


def test_errors_of_reading_name_the_users_own_path(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"'~/none/map.npz'"):
        eulerot.Rearrangement.load("~/none/map.npz")
    with pytest.raises(eulerot.FormatError, match=r"^~: expected a file; got a directory"):
        eulerot.Rearrangement.load("~")


def test_a_tilde_is_the_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    here = tmp_path / "elsewhere"
    here.mkdir()
    monkeypatch.chdir(here)
    for path in ("~/map.npz", Path("~") / "map.npz"):
        TURN.save(path)
        assert np.array_equal(eulerot.Rearrangement.load(path).forward(Z), TURN.forward(Z))
    files.write_arrays("~/arrays", {"z": Z}, kind="test", version=1)
    assert np.array_equal(files.read_arrays("~/arrays", kind="test", version=1)["z"], Z)
    np.save(tmp_path / "z.npy", Z)
    assert main(["apply", "~/map.npz", "~/z.npy", "--out=~/y.npy"]) == 0
    assert np.array_equal(np.load(tmp_path / "y.npy"), TURN.forward(Z))
    np.savez(tmp_path / "pairs.npz", z=(z := np.random.default_rng(1).standard_normal((400, 2))), x=z)
    assert main(["fit", "~/pairs.npz", "--out=~/fit.npz", "--modes", "1", "--checkpoint=~/fit.part", "--quiet"]) == 0
    assert main(["report", "~/pairs.npz", "--map=~/fit.npz"]) == 0
    written = ["arrays", "elsewhere", "fit.npz", "fit.part", "map.npz", "pairs.npz", "y.npy", "z.npy"]
    assert sorted(os.listdir(tmp_path)) == written and os.listdir(here) == []


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    TURN.save("map.npz")
    np.save("z.npy", Z)
    return tmp_path


def test_points_as_csv_keep_every_bit(folder):
    assert main(["apply", "map.npz", "z.npy", "-o", "y.csv"]) == 0
    lines = (folder / "y.csv").read_text().splitlines()
    assert len(lines) == 40 and all(len(line.split(",")) == 2 for line in lines)
    y = np.array([[float(number) for number in line.split(",")] for line in lines])
    assert np.array_equal(y, TURN.forward(Z))
    assert main(["apply", "map.npz", "y.csv", "--inverse", "-o", "z.CSV"]) == 0
    assert np.array_equal(np.loadtxt("z.CSV", delimiter=","), TURN.inverse(y))


def test_csv_may_have_a_head_and_what_editors_leave(folder):
    (folder / "p.csv").write_bytes(b"\xef\xbb\xbffirst, second\r\n1.5, -2\r\n\r\n3e-1,0\r\n")
    assert main(["apply", "map.npz", "p.csv", "-o", "y.npy"]) == 0
    assert np.array_equal(np.load("y.npy"), TURN.forward([[1.5, -2.0], [0.3, 0.0]]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2\n3\n", r"p.csv: expected 2 numbers a line, with commas between them; got '3' in row 1"),
        ("1,2\n3,four\n", r"got '3,four' in row 1"),
        ("1;2\n3;4\n", r"p.csv: expected"),
        ("", r"z: expected samples"),
        ("1,nan\n", r"z: expected finite values"),
        ("1,2,3\n", r"z: expected samples of dimension 2; got 3 columns"),
    ],
)
def test_csv_that_is_none_is_refused(text, message, folder, capsys):
    (folder / "p.csv").write_text(text)
    assert main(["apply", "map.npz", "p.csv", "-o", "y.csv"]) == 2
    assert re.search(message, capsys.readouterr().err) and not (folder / "y.csv").exists()


@pytest.mark.parametrize("name", ["y.txt", "y.mat", "y.npy.gz", "y.xlsx", "y.np"])
def test_an_unknown_suffix_is_refused_before_any_work(name, folder, capsys):
    assert main(["apply", "none.npz", "none.npy", "-o", name]) == 2
    assert ".npy, .npz, .csv" in capsys.readouterr().err and not (folder / name).exists()


@pytest.mark.slow
@only_posix
def test_points_are_read_from_a_pipe(folder):
    command = [sys.executable, "-m", "eulerot", "apply", "map.npz", "/dev/stdin", "-o", "y.npy"]
    subprocess.run(command, input=(folder / "z.npy").read_bytes(), check=True, capture_output=True)
    assert np.array_equal(np.load("y.npy"), TURN.forward(Z))
