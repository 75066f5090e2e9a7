"""What all tests need: Ctrl-C, and a way to end a fit."""

import signal

import pytest

# A process in the background starts with Ctrl-C ignored
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def evaluations(monkeypatch):
    """Return the count of a fit's evaluations, which ends it where it is told to."""
    from evaluations import Evaluations

    return Evaluations(monkeypatch)
