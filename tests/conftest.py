"""What all tests need: a folder of their own for machine code, and Ctrl-C."""

import os
import signal
import tempfile
from pathlib import Path

import pytest

# A process in the background starts with Ctrl-C ignored
signal.signal(signal.SIGINT, signal.default_int_handler)

# Machine code of the tests is kept apart from the user's own
os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(tempfile.gettempdir()) / "eulerot-tests"))


@pytest.fixture
def evaluations(monkeypatch):
    """Return the count of a fit's evaluations, which ends it where it is told to."""
    from evaluations import Evaluations

    return Evaluations(monkeypatch)
