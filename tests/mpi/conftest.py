"""Tests that several processes make together, by ``mpiexec -n 2 pytest -m mpi tests/mpi``: rank 0 reports for all."""

import io
import os
import sys
import tempfile
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(__file__)))  # what the other tests share


@pytest.hookimpl(trylast=True)  # there is nobody who writes before
def pytest_configure(config):
    """Let rank 0 alone write, where these tests are run, and each rank have a folder of its own.

    In a folder that all have, each would remove what is old, under the hands of the others.
    """
    if config.option.markexpr != "mpi":
        return
    folder = os.path.join(tempfile.gettempdir(), f"eulerot-mpi-{world().rank}")
    os.makedirs(folder, exist_ok=True)
    os.environ["PYTEST_DEBUG_TEMPROOT"] = folder
    if world().rank > 0:
        reporter = config.pluginmanager.getplugin("terminalreporter")
        reporter._tw._file = io.StringIO()


def world():
    from mpi4py import MPI

    return MPI.COMM_WORLD


@pytest.fixture
def comm():
    """Return the communicator of all processes."""
    return world()


@pytest.fixture
def alone(comm):
    """Return a function that calls another on rank 0 and returns its result on all, which meanwhile sleep."""

    def alone(function):
        result, error = None, None
        try:
            result = function() if comm.rank == 0 else None
        except Exception as found:
            error = found
        waiting = comm.Ibarrier()
        while not waiting.Test():
            time.sleep(0.002)
        error, result = comm.bcast((error, result))
        if error is not None:
            raise error
        return result

    return alone


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Let a test fail on all ranks if it fails on one."""
    if "mpi" not in item.keywords:
        return (yield)
    error = None
    try:
        result = yield
    except Exception as found:
        error = found
    words = world().allgather(None if error is None else f"{type(error).__name__}: {error}")
    if error is not None:
        raise error
    failed = [f"rank {rank}: {each}" for rank, each in enumerate(words) if each is not None]
    assert not failed, "\n".join(failed)
    return result
