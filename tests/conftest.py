"""What all tests need: a state of Numba's cache of their own, and Ctrl-C."""

import hashlib
import os
import signal
import tempfile
from pathlib import Path

import pytest

# A process in the background starts with Ctrl-C ignored
signal.signal(signal.SIGINT, signal.default_int_handler)

# Numba keeps compiled kernels by the file of their entry point alone: a folder for each state of all the kernels

KERNELS = sorted((Path(__file__).parents[1] / "eulerot").glob("**/_*.py"))
STATE = hashlib.sha256(b"".join(file.read_bytes() for file in KERNELS)).hexdigest()[:16]
os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(tempfile.gettempdir()) / f"eulerot-numba-{STATE}"))


@pytest.fixture
def evaluations(monkeypatch):
    """Return the count of a fit's evaluations, which ends it where it is told to."""
    from evaluations import Evaluations

    return Evaluations(monkeypatch)
