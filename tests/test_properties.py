"""Random cases, few of each kind; `validation/robustness/fuzz.py` has the same by the thousand."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "validation" / "robustness"))

import fuzz

SLOW = ("copies", "faults_far_out", "fits", "map_round_trip", "models_left_alone", "threads", "units")
FEW = {"fits": 6, "grids": 300, "map_round_trip": 25, "broken_file": 150, "threads": 20, "units": 6}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in fuzz.TARGETS]
)
def test_a_right_answer_or_a_clear_refusal(name):
    assert fuzz.run(name, FEW.get(name, 60))["accepted"] > 0  # of those that are refused only the words are looked at


def test_a_crash_is_noticed(monkeypatch):
    def crashing(data):
        if data.draw(fuzz.st.integers(0, 100)) > 50:
            raise KeyError("lost")

    monkeypatch.setitem(fuzz.TARGETS, "crashing", (crashing, 1))
    with pytest.raises(KeyError, match="lost"):
        fuzz.run("crashing", 50)
