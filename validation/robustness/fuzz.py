"""Try random cases by hypothesis: whatever comes in, a right answer comes out, or a sentence that says what is wrong.

    python validation/robustness/fuzz.py [--share 0.1] [--seed 0] [--only NAME]

A case is refused by a ValueError that says what was expected, or accepted and then held to a property of the answer.
Any other exception, any warning but those of odd samples, and any answer without its property is a failure. Prints a
table; ends with 1 if anything failed. The cases are in `random_cases.py`, `habits.py` and `adapter_cases.py`, which
needs the environment of the flow libraries for one of its targets; few of each are tried by
`tests/test_properties.py`.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections import Counter

import hypothesis
from adapter_cases import ADAPTERS
from habits import HABITS
from hypothesis import strategies as st
from random_cases import TARGETS as CASES

import eulerot

__all__ = ["TARGETS", "run"]

TARGETS = CASES | HABITS | ADAPTERS


def run(name: str, cases: int, *, seed: int = 0) -> Counter:
    """Try random cases of a target; return how many were accepted and refused.

    Raises
    ------
    Exception
        What the smallest failing case raised.
    """
    target, outcomes = TARGETS[name][0], Counter()

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=cases, deadline=None, database=None, suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.generate, hypothesis.Phase.shrink],
    )  # fmt: skip
    @hypothesis.given(st.data())
    def each(data: st.DataObject) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", eulerot.SampleWarning)  # the target `cautions` holds them to their sense
            try:
                target(data)
            except ValueError as error:
                words = str(error)
                assert "expected" in words or "got" in words or type(error) is not ValueError, f"unclear: {words!r}"
                outcomes["refused"] += 1
                return
            outcomes["accepted"] += 1

    each()
    return outcomes


def main() -> int:
    """Print a table in Markdown, one line for each target."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--share", type=float, default=1.0, help="of the usual number of cases")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=TARGETS)
    arguments = parser.parse_args()
    total = failed = 0
    print("| cases of | run | accepted | refused | seconds | failure |\n|---|---|---|---|---|---|")
    for name, (_, cases) in TARGETS.items():
        if arguments.only not in (None, name):
            continue
        begun, words = time.perf_counter(), "none"
        outcomes = Counter()
        try:
            outcomes = run(name, max(1, round(arguments.share * cases)), seed=arguments.seed)
        except Exception as error:
            failed, words = failed + 1, f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
            print(*getattr(error, "__notes__", []), sep="\n", file=sys.stderr)
        count = outcomes.total()
        total += count
        seconds = time.perf_counter() - begun
        row = f"| {name} | {count} | {outcomes['accepted']} | {outcomes['refused']} | {seconds:.1f} | {words} |"
        print(row, flush=True)
    print(f"\n{total} cases, {failed} of the targets failed.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
