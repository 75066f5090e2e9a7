"""A process alone, and communicators that are none."""

import sys

import numpy as np
import pytest

from eulerot._ranks import ALONE, Ranks
from eulerot.euler.grid import Grid
from eulerot.euler.solver import solve_euler


def test_a_process_alone_has_everything():
    part = np.arange(6.0).reshape(2, 3)
    assert ALONE.joined(part, axis=1) is part and ALONE.edges(7) == [0, 7] and ALONE.largest(2.0) == 2.0
    assert ALONE.by_first(lambda: 3) == 3 and ALONE.agree("here").tolist() == [0.0]
    ALONE.check_same(anything=part)
    with pytest.raises(ZeroDivisionError), Ranks():
        raise ZeroDivisionError


def test_without_mpi4py_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    grid = Grid((8, 8))
    with pytest.raises(ImportError, match=r"^comm needs mpi4py: run `pip install eulerot\[mpi\]`"):
        solve_euler(np.zeros((8, 8)), grid, time=0.1, comm=object())


def test_words_are_no_communicator():
    pytest.importorskip("mpi4py")
    with pytest.raises(ValueError, match=r"^comm: expected a communicator of mpi4py, or None; got 'world'. Pass"):
        Ranks("world")
