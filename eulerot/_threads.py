"""Threads: how the package computes pieces side by side, and what each thread has of its own."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import lru_cache, partial
from typing import Generic, TypeVar

import numpy as np

from eulerot._types import FloatArray

__all__ = ["PerThread", "by_chunks", "run_tasks"]

T = TypeVar("T")


class PerThread(threading.local, Generic[T]):
    """A value that each thread has of its own, such as work arrays; `make` makes it when the thread first asks for it.

    Examples
    --------
    >>> work = PerThread(lambda: [0.0, 0.0])
    >>> work.value is work.value
    True
    >>> run_tasks([lambda: work.value, lambda: None], threads=2)[0] is work.value
    False
    """

    value: T

    def __init__(self, make: Callable[[], T]) -> None:  # each thread calls it again, with the same argument
        self.value = make()


class _Worker(threading.local):
    """Whether this thread is one of a pool."""

    busy = False

    def begin(self) -> None:
        self.busy = True


_WORKER = _Worker()


def run_tasks(tasks: Sequence[Callable[[], T]], threads: int) -> list[T]:
    """Call `tasks`, which release the interpreter's lock, on `threads` threads; return their results in order.

    What a task computes must not depend on the others: then no result depends on the number of threads. The tasks of a
    task are called one by one, in its own thread: were they to wait for the pool, all of its threads could come to
    wait. If a task fails, the others have ended before the error is raised: none writes to its arrays any more.

    Examples
    --------
    >>> run_tasks([lambda: 1, lambda: 2], threads=2)
    [1, 2]
    """
    if threads == 1 or len(tasks) == 1 or _WORKER.busy:
        return [task() for task in tasks]
    pool = _pool(threads, os.getpid())
    futures: list[Future[T]] = []
    try:
        futures += (pool.submit(task) for task in tasks)
        return [future.result() for future in futures]
    except BaseException:
        for future in futures:
            future.cancel()
        wait(futures)
        raise


def by_chunks(function: Callable[[FloatArray], FloatArray], rows: FloatArray, most: int, threads: int) -> FloatArray:
    """Return a function of rows, each on its own, which is called with no more than so many at a time.

    Examples
    --------
    >>> by_chunks(np.negative, np.array([[1.0], [2.0], [3.0]]), 2, threads=2).ravel()
    array([-1., -2., -3.])
    """
    chunks = [rows[start : start + most] for start in range(0, max(len(rows), 1), most)]
    results = run_tasks([partial(function, chunk) for chunk in chunks], threads)
    return results[0] if len(results) == 1 else np.concatenate(results)


@lru_cache(maxsize=4)
def _pool(threads: int, process: int) -> ThreadPoolExecutor:
    """Return the threads of this process: those of a parent do not survive a fork."""
    return ThreadPoolExecutor(threads, thread_name_prefix=f"eulerot-{process}", initializer=_WORKER.begin)
