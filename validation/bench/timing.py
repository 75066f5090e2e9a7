"""Time calls in turns, so that a slow minute of the machine slows all that are compared alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np

__all__ = ["alternate", "calls_for", "in_turns", "median", "ratio", "seconds_per_call"]

Call = Callable[[], object]
Clock = Callable[[], float]


def seconds_per_call(call: Call, count: int, clock: Clock = time.perf_counter) -> float:
    """Return the mean time of `count` calls in a row."""
    start = clock()
    for _ in range(count):
        call()
    return (clock() - start) / count


def calls_for(call: Call, seconds: float, clock: Clock = time.perf_counter) -> int:
    """Warm `call` up and return how many of its calls fill `seconds`, at least one."""
    call()
    count = 1
    while (each := seconds_per_call(call, count, clock)) * count < 0.3 * seconds:
        count *= 2
    return max(1, round(seconds / each))


def in_turns(names: Iterable[str], rounds: int) -> Iterator[str]:
    """Yield all names in every round, backwards in every other, so that none always follows the same one.

    Examples
    --------
    >>> list(in_turns(["a", "b"], 2))
    ['a', 'b', 'b', 'a']
    """
    forward = list(names)
    for turn in range(rounds):
        yield from forward if turn % 2 == 0 else reversed(forward)


def alternate(
    calls: Mapping[str, Call], *, rounds: int = 15, seconds: float = 0.03, clock: Clock = time.perf_counter
) -> dict[str, np.ndarray]:
    """Return the time of one call of each, `rounds` values a name; a value is the mean over a batch of `seconds`.

    With `time.process_time` for the clock, which counts the seconds of the processor, others on the machine count less.

    Examples
    --------
    >>> times = alternate({"one": lambda: sum(range(100)), "two": lambda: sum(range(9000))}, rounds=3, seconds=0.001)
    >>> times["one"].shape, times["two"].shape
    ((3,), (3,))
    """
    counts = {name: calls_for(call, seconds, clock) for name, call in calls.items()}
    times: dict[str, list[float]] = {name: [] for name in calls}
    for name in in_turns(calls, rounds):
        times[name].append(seconds_per_call(calls[name], counts[name], clock))
    return {name: np.array(values) for name, values in times.items()}


def median(times: Mapping[str, Sequence[float] | np.ndarray], name: str) -> float:
    """Return the median time of `name` in milliseconds."""
    return 1e3 * float(np.median(times[name]))


def ratio(times: Mapping[str, Sequence[float] | np.ndarray], name: str, reference: str) -> float:
    """Return the median over rounds of the time of `name` over that of `reference` in the same round.

    >>> ratio({"one": [1.0, 2.0, 1.0], "two": [2.0, 4.0, 9.0]}, "two", "one")
    2.0
    """
    return float(np.median(np.divide(times[name], times[reference])))
