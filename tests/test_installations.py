"""Installations that cannot be written to, users without a home, damaged files of machine code: slower, never wrong."""

import ctypes
import errno
import gc
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numba
import numpy as np
import pytest
from numba.core import event

import eulerot
from eulerot import _compiled
from eulerot.euler.transforms.pointwise import Transforms

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="root is bound by modes on Linux only"),
]

# A folder that nobody can make
NOWHERE = "/dev/null/home"
WORK = """
import numpy as np, eulerot
from eulerot.euler.transforms.pointwise import Transforms
grid = eulerot.Grid((12, 12))
x, y = grid.mesh()
print(eulerot.__file__)
print(Transforms(grid).backward(Transforms(grid).forward(np.cos(x) + np.sin(2 * y + x))).tobytes().hex())
"""


def expected():
    grid = eulerot.Grid((12, 12))
    x, y = grid.mesh()
    return Transforms(grid).backward(Transforms(grid).forward(np.cos(x) + np.sin(2 * y + x))).tobytes().hex()


@pytest.fixture(scope="module")
def installation():
    """A copy of the package in a folder that everybody can read, and nobody but root write."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(Path(eulerot.__file__).parent, folder / "eulerot", ignore=shutil.ignore_patterns("__pycache__"))
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        yield folder
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)


def mortal():
    """Make the modes of files bind, which root else overrides: an interpreter in root's home is no other user's."""
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in (1, 2):  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, dropped for good by PR_CAPBSET_DROP
        libc.prctl(24, capability, 0, 0, 0)


def run(folder, *, where=None, **environment):
    """Run WORK with the package in `folder` as somebody whom modes bind; return what it printed and its warnings."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LD_LIBRARY_PATH", "LANG")}
    done = subprocess.run(
        [sys.executable, "-c", WORK], cwd=where or folder, capture_output=True, text=True, check=False,
        env={**kept, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", "HOME": NOWHERE, **environment},
        preexec_fn=mortal if os.geteuid() == 0 else None,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    path, result = done.stdout.split()
    assert Path(path).parents[1] == folder
    return result, done.stderr.splitlines()


@pytest.mark.parametrize("home", [{"NUMBA_CACHE_DIR": NOWHERE}, {"HOME": "~"}], ids=["none", "unknown"])
def test_without_a_place_for_machine_code_there_is_one_line(home, installation, tmp_path):
    # a user that the system does not know has the home "~", no folder of which may come to be
    result, lines = run(installation, where=tmp_path, **home)
    assert result == expected()
    assert len(lines) == 1 and "Set NUMBA_CACHE_DIR to a folder of your own" in lines[0]
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("variable", ["NUMBA_CACHE_DIR", "XDG_CACHE_HOME"])
def test_with_a_place_there_is_none(variable, installation):
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o777)
        assert run(installation, **{variable: name}) == (expected(), [])
        files = {path: path.stat().st_mtime_ns for path in Path(name).rglob("*sealed*")}
        assert files
        if variable == "NUMBA_CACHE_DIR":
            assert run(installation, **{variable: name}) == (expected(), [])
            assert files == {path: path.stat().st_mtime_ns for path in Path(name).rglob("*sealed*")}


SOURCE = """
from eulerot._compiled import compiled

@compiled()
def shifted(x):
    return x + {shift}
"""


def module_of(file):
    """Return the module of a file, loaded anew."""
    specification = importlib.util.spec_from_file_location(file.stem, file)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def process(tmp_path, monkeypatch):
    """Return what begins as a new process does: it returns the function that loads a kernel of a small package.

    The package is a copy of the compiler's module with two files of kernels, and its machine code is in ``tmp_path``.
    """
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "machine code"))
    (tmp_path / "package").mkdir()
    own, kernels, others = (
        tmp_path / "package" / name for name in ("_compiled.py", "_kernels_of_a_test.py", "_kernels_inlined.py")
    )
    own.write_bytes(Path(_compiled.__file__).read_bytes())

    def begun(shift=1, inlined=""):
        kernels.write_text(SOURCE.format(shift=shift))
        others.write_text(inlined)
        monkeypatch.setitem(sys.modules, _compiled.__name__, module_of(own))
        return lambda: module_of(kernels).shifted

    return begun


def hits(kernel):
    return sum(kernel.stats.cache_hits.values())


def files_of(tmp_path, suffix):
    return list(tmp_path.rglob(f"*sealed*{suffix}"))


DAMAGES = {
    "empty": lambda data: b"", "cut": lambda data: data[: len(data) // 2], "junk": lambda data: b"garbage" * 50,
    "flip": lambda data: data[:-100] + bytes([data[-100] ^ 1]) + data[-99:], "longer": lambda data: data + b"\0",
}  # fmt: skip


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damaged_machine_code_is_compiled_again_with_one_line(suffix, damage, process, tmp_path):
    load = process()
    assert load()(1) == 2 and load()(1.0) == 2.0
    for file in files_of(tmp_path, suffix):
        file.write_bytes(damage(file.read_bytes()))
    load = process()
    with pytest.warns(RuntimeWarning, match=r"machine code kept in .* could not be read \(.*\); it is compiled again"):
        again = load()
        assert again(1) == 2 and hits(again) == 0
    assert load()(1.0) == 2.0  # one line is enough, and there is none when all is whole again
    whole = process()()
    assert whole(1) == 2 and whole(1.0) == 2.0 and hits(whole) == 2


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
def test_a_folder_in_the_place_of_a_file_is_survived(suffix, process, tmp_path):
    assert process()()(1) == 2
    (file,) = files_of(tmp_path, suffix)
    file.unlink()
    file.mkdir()
    with pytest.warns(RuntimeWarning, match=r"machine code .*"):
        assert process()()(1) == 2


def test_a_full_disk_is_survived_with_one_line(process, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    kernel = process()()
    monkeypatch.setattr(os, "replace", full)
    with pytest.warns(RuntimeWarning, match=r"machine code cannot be kept \(.*No space left on device\)") as caught:
        assert kernel(1) == 2 and kernel(1.0) == 2.0
    assert len(caught) == 1


def test_machine_code_belongs_to_the_sources_of_all_kernels(process):
    process()()(1)
    same = process()()
    assert same(1) == 2 and hits(same) == 1
    other = process(shift=5)()
    assert other(1) == 6 and hits(other) == 0
    after = process(shift=5, inlined="# has changed")()
    assert after(1) == 6 and hits(after) == 0


@pytest.mark.parametrize("enabled", [True, False])
def test_garbage_is_collected_after_a_compilation_as_it_was_before(enabled):
    seen = []

    class Listener(event.Listener):
        def on_start(self, event):
            seen.append(gc.isenabled())

        def on_end(self, event):
            pass

    @_compiled.compiled()
    def shifted(x):
        return x + 1

    (gc.enable if enabled else gc.disable)()
    try:
        with event.install_listener("numba:run_pass", Listener()):
            assert shifted(1) == 2
            with pytest.raises(numba.TypingError):
                shifted("one")
        assert gc.isenabled() == enabled and len(seen) > 1 and not any(seen)
    finally:
        gc.enable()


def test_without_a_compiler_kernels_are_plain_functions(monkeypatch):
    monkeypatch.setattr(numba.config, "DISABLE_JIT", True)

    def shifted(x):
        return x + 1

    assert _compiled.compiled()(shifted) is shifted
