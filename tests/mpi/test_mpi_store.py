"""Stores that several processes write: what one process writes, whoever goes on with it."""

import numpy as np
import pytest
from test_mpi_solver import SAVED, check_same, cut, failing, start_of  # noqa: F401

from eulerot.euler.solver import solve_euler

pytestmark = pytest.mark.mpi
TIMES = [0.0, 0.05, 0.1, 0.2]


@pytest.fixture
def folder(comm, tmp_path):
    """Return a folder that all processes see."""
    pytest.importorskip("zarr")
    return comm.bcast(tmp_path)


@pytest.mark.parametrize("points", [(24, 20), (16, 18, 20)], ids=str)
def test_a_store_is_that_of_one_process(comm, cut, alone, folder, points):  # noqa: F811
    grid, field, particles = start_of(points)
    settings = {"time": 0.2, "steps": 8, "particles": particles, "save_at": TIMES, "tail_limit": None}
    one = alone(lambda: solve_euler(field, grid, store=folder / "one.zarr", **settings))
    several = solve_euler(field, grid, store=folder / "several.zarr", comm=comm, **settings)
    check_same(several, one)
    assert several.store == folder / "several.zarr"
    if comm.rank == 0:
        files = [
            {file.relative_to(path): file.read_bytes() for file in path.rglob("*") if file.is_file()}
            for path in (one.store, several.store)
        ]
        assert files[0] == files[1]
    comm.Barrier()


def test_several_processes_go_on_with_a_store(comm, cut, alone, folder):  # noqa: F811
    grid, field, particles = start_of((24, 20))
    settings = {"save_at": TIMES, "courant": 0.1}
    whole = alone(lambda: solve_euler(field, grid, time=0.2, particles=particles, **settings))
    path = folder / "run.zarr"

    def stop(step):
        return step.time >= 0.1

    first = solve_euler(field, grid, time=0.2, particles=particles, store=path, callback=stop, comm=comm, **settings)
    assert first.status == "stopped" and list(first.saved.times) == TIMES[:3]
    rest = solve_euler(path, grid, time=0.2, store=path, comm=comm, **settings)
    check_same(rest, whole)
    assert all(np.array_equal(getattr(rest.saved, name), getattr(whole.saved, name)) for name in SAVED)


def test_an_error_of_a_store_is_that_of_all(comm, folder):
    grid, field, _ = start_of((24, 20))
    with pytest.raises(ValueError, match=r"^store: expected a path in a folder that exists"):
        solve_euler(field, grid, time=0.1, steps=2, store=folder / "none" / "run.zarr", comm=comm)


def test_a_store_holds_what_was_completed_before_an_error(comm, cut, folder, monkeypatch):  # noqa: F811
    grid, field, _ = start_of((24, 20))
    path = folder / "run.zarr"
    failing(monkeypatch, comm, ZeroDivisionError("this one"), rank=-1, calls=25)
    with pytest.raises(ZeroDivisionError, match="this one"):
        solve_euler(field, grid, time=0.2, steps=8, save_at=TIMES, store=path, comm=comm)
    monkeypatch.undo()
    rest = solve_euler(path, grid, time=0.2, steps=8, save_at=TIMES, comm=comm)
    assert list(rest.saved.times) == TIMES
