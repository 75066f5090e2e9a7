"""A solution in a Zarr store: what it holds, whatever ends the process, and runs that go on from it."""

import builtins
import itertools
import pickle
import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from fields import random_values, random_velocity
from processes import started

from eulerot.errors import FormatError
from eulerot.euler.grid import Grid
from eulerot.euler.solver import solve_euler

zarr = pytest.importorskip("zarr")
xarray = pytest.importorskip("xarray")

CASES = [((24, 20), "torus"), ((24, 20), "cube"), ((12, 10, 14), "torus"), ((12, 10, 14), "cube")]
TIMES = [0.0, 0.1, 0.35, 0.7]
COLUMNS = ("field", "field_hat", "positions", "phases", "times", "energy", "enstrophy", "helicity", "casimirs", "tail")


def start_of(points, domain):
    """Return a grid, a field and particles on it."""
    grid = Grid(points, domain)
    field = random_values(grid) if grid.dim == 2 else random_velocity(grid)
    return grid, field, np.random.default_rng(1).uniform(0.1, 0.9, (5, grid.dim)) * grid.sides


def assert_same(one, other):
    """Two solutions have the same bits, and the same of them is saved."""
    for name in COLUMNS:
        a, b = getattr(one, name), getattr(other, name)
        assert (a is None and b is None) or np.array_equal(a, b, equal_nan=True), name
    for name in ("times", "fields", "positions", "energy", "enstrophy", "indices"):
        a, b = getattr(one.saved, name), getattr(other.saved, name)
        assert (a is None and b is None) or np.array_equal(np.asarray(a), np.asarray(b)), name
    assert one.status == other.status and one.quantity == other.quantity


@pytest.mark.parametrize(("points", "domain", "steps"), [(*CASES[0], 16), *((*case, None) for case in CASES)])
def test_a_store_is_the_data_set_of_the_solution(points, domain, steps, tmp_path):
    grid, field, particles = start_of(points, domain)
    options = {"time": 0.8, "steps": steps, "particles": particles, "save_at": TIMES, "tail_limit": None}
    plain, path = solve_euler(field, grid, **options), tmp_path / "run.zarr"
    solution = solve_euler(field, grid, store=path, **options)
    assert_same(solution, plain)
    assert solution.store == path and plain.store is None
    with xarray.open_zarr(path, chunks=None) as data:
        data.load()
    assert data.identical(plain.to_xarray()) and data.identical(solution.to_xarray())
    assert data.attrs["domain"] == domain and data.time.attrs["units"] == "time" and data.x.attrs["units"] == "length"
    with xarray.open_zarr(path, group="steps", chunks=None) as columns:
        assert np.array_equal(columns.times, plain.times[: plain.saved.indices[-1] + 1])
        assert np.array_equal(columns["tail"], plain.tail[: plain.saved.indices[-1] + 1])
        assert columns.energy.attrs["units"] == "length**2 / time**2"
    assert_same(pickle.loads(pickle.dumps(solution)), plain)


def test_quantities_of_both_kinds_and_the_end_alone_are_stored(tmp_path):
    grid = Grid((24, 20), lengths=(1.0, 2.0))
    _, y = grid.mesh()
    velocity = np.array([np.sin(np.pi * y), 0 * y])
    moving = solve_euler(velocity, grid, time=-0.4, quantity="velocity", store=tmp_path / "moving.zarr")
    with xarray.open_zarr(tmp_path / "moving.zarr", chunks=None) as data:
        assert data.identical(moving.to_xarray()) and data.velocity.dims == ("time", "component", "x", "y")
        assert data.time.values.tolist() == [-0.4] and "position" not in data
    further = solve_euler(tmp_path / "moving.zarr", grid, time=-0.6, save_at=[-0.5])
    assert further.quantity == "velocity" and further.saved.times.tolist() == [-0.4, -0.5]
    space = Grid((12, 12, 12))
    turning = solve_euler(
        np.zeros((3, 12, 12, 12)), space, time=1.0, steps=2, quantity="vorticity", store=tmp_path / "space.zarr"
    )
    assert turning.saved.fields.shape == (1, 3, 12, 12, 12)
    still = solve_euler(random_values(grid), grid, time=0.0, store=tmp_path / "still.zarr", save_at=0.0)
    assert still.saved.times.tolist() == [0.0] and still.saved.indices.tolist() == [0]


@pytest.mark.parametrize(("points", "domain", "steps"), [(*CASES[0], 16), *((*case, None) for case in CASES)])
def test_a_run_that_goes_on_has_the_bits_of_one_that_was_not_stopped(points, domain, steps, tmp_path):
    grid, field, particles = start_of(points, domain)
    end = {"time": 0.8, "steps": steps, "save_at": TIMES, "tail_limit": None}
    whole = solve_euler(field, grid, particles=particles, **end)
    half = {"time": 0.35, "steps": steps and 7, "save_at": TIMES[:3], "tail_limit": None}
    first = solve_euler(field, grid, particles=particles, store=tmp_path / "a.zarr", **half)
    shutil.copytree(tmp_path / "a.zarr", tmp_path / "b.zarr")
    for number, begin in enumerate((first, tmp_path / "b.zarr")):  # from a solution, from a store
        assert_same(solve_euler(begin, grid, **end), whole)  # in memory
        assert_same(solve_euler(begin, grid, store=tmp_path / f"c{number}.zarr", **end), whole)  # in a store of its own
        on = solve_euler(begin, grid, store=begin if number else first.store, threads=2, **end)  # where it was
        assert_same(on, whole)
        for path in (on.store, tmp_path / f"c{number}.zarr"):
            with xarray.open_zarr(path, chunks=None) as data:
                assert data.identical(whole.to_xarray())
    assert_same(first, solve_euler(field, grid, particles=particles, **half))  # what was read is still what it was


def test_a_solution_in_memory_goes_on_into_a_store(tmp_path):
    grid, field, _ = start_of((24, 20), "torus")
    first = solve_euler(field, grid, time=0.5, steps=5, save_at=[0.2])
    whole = solve_euler(field, grid, time=1.0, steps=10, save_at=[0.2, 0.5, 0.8])
    solution = solve_euler(first, grid, time=1.0, steps=10, save_at=[0.8], store=tmp_path / "run")
    assert solution.saved.times.tolist() == [0.2, 0.8] and np.array_equal(solution.times, whole.times)
    assert np.array_equal(solution.field, whole.field)
    unsaved = solve_euler(field, grid, time=0.5, steps=5)
    solution = solve_euler(unsaved, grid, time=1.0, steps=10, store=tmp_path / "other")
    assert solution.saved.times.tolist() == [1.0] and np.allclose(solution.times, np.linspace(0, 1, 11), atol=1e-14)


@pytest.mark.slow
def test_killed_before_any_of_its_writes_a_store_holds_all_that_was_completed(tmp_path, monkeypatch):
    from zarr.storage import _local

    grid, field, particles = start_of((8, 8), "torus")
    options = {"time": 0.4, "steps": 4, "tail_limit": None}
    save_at, path, put, copies = [0.0, 0.2, 0.4], tmp_path / "run.zarr", _local._put, itertools.count()
    lock = threading.Lock()

    def copied(*arguments, **others):  # as the process finds it that is killed now
        with lock:  # zarr writes files of one array in several threads
            if path.exists():
                shutil.copytree(path, tmp_path / f"{next(copies)}.zarr")
            else:
                assert arguments[0].relative_to(tmp_path).parts[0].startswith(".run.zarr.")
            return put(*arguments, **others)

    with monkeypatch.context() as patch:
        patch.setattr(_local, "_put", copied)
        whole = solve_euler(field, grid, store=path, particles=particles, save_at=save_at, **options)
    held = []
    for number in range(next(copies)):
        killed = tmp_path / f"{number}.zarr"
        with xarray.open_zarr(killed, chunks=None) as data:
            assert np.array_equal(data.vorticity, whole.saved.fields[: len(data.time)])
            assert np.array_equal(data.energy, whole.saved.energy[: len(data.time)])
            held.append(len(data.time))
        with xarray.open_zarr(killed, group="steps", chunks=None) as columns:
            assert np.array_equal(columns["tail"], whole.tail[: len(columns.times)])
        if number % 30 == 5:  # what was written and did not count is no hindrance
            (killed / "left.over.partial").write_text("of a file that was being written")
            again = solve_euler(killed, grid, store=killed, save_at=save_at, **options)
            assert np.array_equal(again.field, whole.field) and np.array_equal(again.times, whole.times)
            with xarray.open_zarr(killed, chunks=None) as data, xarray.open_zarr(path, chunks=None) as unstopped:
                assert data.identical(unstopped)
    # attributes of the root, which are as before, may be written once more beside the metadata by which all counts
    assert held == sorted(held) and set(held) - {3} == {1, 2} and len(held) > 40


SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
from test_store import start_of
from eulerot import solve_euler
grid, field, particles = start_of((24, 20), "cube")
solve_euler(field, grid, time=40.0, particles=particles, store={path!r}, save_at=[0.02 * n for n in range(2001)])
"""


@pytest.mark.slow
def test_killed_by_the_system_a_store_goes_on_to_the_same_bits(tmp_path):
    grid, field, particles = start_of((24, 20), "cube")
    path = tmp_path / "run.zarr"
    process = started("-c", SCRIPT.format(tests=str(Path(__file__).parent), path=str(path)))
    deadline = time.monotonic() + 60
    while not (path / "vorticity" / "3.0.0").exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.005)
    process.kill()
    process.communicate()
    assert process.returncode == -9
    with xarray.open_zarr(path, chunks=None) as data:
        data.load()
    held = data.time.values
    assert 3 <= len(held) < 2001 and np.array_equal(held, [0.02 * n for n in range(len(held))])
    until = [0.02 * n for n in range(len(held) + 3)]
    whole = solve_euler(field, grid, time=until[-1], particles=particles, save_at=until)
    assert np.array_equal(data.vorticity, whole.saved.fields[: len(held)])
    assert np.array_equal(data.position, whole.saved.positions[: len(held)])
    assert_same(solve_euler(path, grid, time=until[-1], save_at=until, store=path), whole)


@pytest.mark.parametrize("there", ["a file", "an empty folder", "a folder", "a store of zarr", "a solution"])
def test_what_is_there_is_not_written_over(there, tmp_path):
    grid, field, _ = start_of((24, 20), "torus")
    path = tmp_path / "run.zarr"
    if there == "a file":
        path.write_text("kept")
    elif there in ("an empty folder", "a folder"):
        path.mkdir()
        if there == "a folder":
            (path / "kept").write_text("kept")
    elif there == "a store of zarr":
        zarr.open_group(path, mode="w", zarr_format=2).create_array("kept", data=np.arange(3.0))
        zarr.consolidate_metadata(path, zarr_format=2)
    else:
        solve_euler(field, grid, time=0.2, store=path)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    with pytest.raises(ValueError, match=r"^store: expected a path where nothing is.*Nothing was written\."):
        solve_euler(field, grid, time=0.4, store=path)
    if there == "a solution":
        other = solve_euler(field, grid, time=0.2, save_at=[0.1])
        with pytest.raises(ValueError, match=r"which holds a solution at 1 times.*Pass that path instead of field0"):
            solve_euler(other, grid, time=0.4, store=path)
    else:
        with pytest.raises((FormatError, FileNotFoundError), match=r"^field0: expected a store of a solution"):
            solve_euler(path, grid, time=0.4)
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before


def test_other_paths_are_refused(tmp_path):
    grid, field, _ = start_of((24, 20), "torus")
    for path, expected in [
        (tmp_path / "none" / "run.zarr", "store: expected a path in a folder that exists.*Make its folder first"),
        (3, "store: expected the path"),
        ("a\0b", "store: expected the path"),
    ]:
        with pytest.raises(ValueError, match=expected):
            solve_euler(field, grid, time=0.4, store=path)
    with pytest.raises(FileNotFoundError, match=r"^field0: expected a store of a solution; got .*where nothing is"):
        solve_euler(tmp_path / "none.zarr", grid, time=0.4)
    first = solve_euler(field, grid, time=0.2, store=tmp_path / "run.zarr")
    with pytest.raises(ValueError, match=r"^evaluation: expected"):
        solve_euler(field, grid, time=0.4, evaluation="sums", store=tmp_path / "other.zarr")
    assert not (tmp_path / "other.zarr").exists()
    with pytest.raises(ValueError, match=r"^grid: expected that of the solution"):
        solve_euler(tmp_path / "run.zarr", Grid((24, 24)), time=0.4)
    solve_euler(first, grid, time=0.4, store=first.store)
    with pytest.raises(ValueError, match=r"was gone on with and holds 2 times\. Pass the path instead"):
        solve_euler(first, grid, time=0.4, store=first.store)
    newer = zarr.open_group(first.store, mode="r+", zarr_format=2, use_consolidated=False)
    newer["state"].attrs.update(version=99)
    zarr.consolidate_metadata(first.store, zarr_format=2)
    with pytest.raises(FormatError, match=r"in version 1 or older; got .* in version 99"):
        solve_euler(first.store, grid, time=0.8)


@pytest.mark.parametrize("package", ["zarr", "xarray"])
def test_without_the_packages_the_extra_is_named(package, tmp_path, monkeypatch):
    grid, field, _ = start_of((24, 20), "torus")
    real = builtins.__import__

    def missing(name, *arguments, **options):
        if name.split(".")[0] == package:
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", missing)
    monkeypatch.setattr("importlib.import_module", missing)
    with pytest.raises(ImportError, match=rf"store needs {package}: run `pip install eulerot\[zarr\]`"):
        solve_euler(field, grid, time=0.1, store=tmp_path / "run.zarr")
