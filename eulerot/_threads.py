"""Threads: the one way in which the package runs pieces of work side by side."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

__all__ = ["run_tasks"]

T = TypeVar("T")


def run_tasks(tasks: Sequence[Callable[[], T]], threads: int) -> list[T]:
    """Run `tasks`, which release the interpreter's lock, on `threads` threads; return their results in order.

    What a task computes must not depend on the others: then no result depends on the number of threads.

    Examples
    --------
    >>> run_tasks([lambda: 1, lambda: 2], threads=2)
    [1, 2]
    """
    if threads == 1 or len(tasks) == 1:
        return [task() for task in tasks]
    return [future.result() for future in [_pool(threads, os.getpid()).submit(task) for task in tasks]]


@lru_cache(maxsize=4)
def _pool(threads: int, process: int) -> ThreadPoolExecutor:
    """Return the threads of this process: those of a parent do not survive a fork."""
    return ThreadPoolExecutor(threads, thread_name_prefix=f"eulerot-{process}")
