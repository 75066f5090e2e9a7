"""Multiply and invert large matrices with the same bits however many threads the linear algebra library uses.

A library splits a large product among its threads, and the sums at the edges of the pieces are rounded differently.
OpenBLAS computes a product of no more than 2^18 multiplications on one thread. So large products are made of such
pieces here, whose sizes depend on the shapes alone; small ones are left to the library as they are. What others
compute with it, such as the inner products of an optimiser with many unknowns, has one thread inside `ONE_THREAD`.
"""

from __future__ import annotations

import itertools
import os
import threading
from functools import partial

import numpy as np
from threadpoolctl import threadpool_limits

from eulerot._threads import run_tasks
from eulerot._types import FloatArray

__all__ = ["ALONE", "LIBRARY", "ONE_THREAD", "inverse", "product"]

# A part of a narrow rest of rows or columns would take as long as a whole one
_TILE, _MORE = 64, 16
# Multiplications of a product that the library leaves to one thread
ALONE = _TILE**3
# A product of fewer multiplications is not shared among threads
_SHARED_FROM = 2**22
# Numbers of the results of one call
_AT_ONCE = 2**17


class _Gate:
    """What runs inside a `with` of it is done before the process forks.

    The library takes a lock for its memory: a child that is forked while another thread holds it waits for good.
    """

    def __init__(self) -> None:
        self._changed, self._inside, self._forking = threading.Condition(), 0, False

    def __enter__(self) -> None:
        with self._changed:
            while self._forking:
                self._changed.wait()
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._inside -= 1
            if self._inside == 0:
                self._changed.notify_all()

    def close(self) -> None:
        """Let nobody in any more, and wait until all are out; not for ever, lest one was interrupted on its way."""
        with self._changed:
            self._forking = True
            self._changed.wait_for(lambda: self._inside == 0, timeout=1.0)

    def open(self) -> None:
        """Let everybody in again."""
        with self._changed:
            self._forking = False
            self._changed.notify_all()


LIBRARY = _Gate()
if hasattr(os, "register_at_fork"):
    # in the child, whose other threads are gone, a new lock: the old one may have been taken
    os.register_at_fork(before=LIBRARY.close, after_in_parent=LIBRARY.open, after_in_child=LIBRARY.__init__)  # type: ignore[misc]


class _OneThread:
    """Inside a `with` of it the linear algebra library has one thread.

    The limit is one of the process, so that the first who enters sets it and the last who leaves lifts it.

    Examples
    --------
    >>> with ONE_THREAD, ONE_THREAD:
    ...     vector = np.ones(20_000)
    ...     float(vector @ vector)
    20000.0
    """

    def __init__(self) -> None:
        self._lock, self._inside = threading.Lock(), 0

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._limit = threadpool_limits(1, user_api="blas")
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._limit.restore_original_limits()

    def renew_lock(self) -> None:
        """Take a new lock, in a child that was forked while another thread held the old one."""
        self._lock = threading.Lock()


ONE_THREAD = _OneThread()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=ONE_THREAD.renew_lock)


def product(a: FloatArray, b: FloatArray, *, threads: int = 1) -> FloatArray:
    """Return ``a @ b`` for matrices, with bits that depend on no thread, and on no order in memory.

    Parameters
    ----------
    a, b : ndarray, shape (m, k) and (k, n)
        The factors.
    threads : int
        Threads over blocks of rows. The result does not depend on it.

    Examples
    --------
    >>> a = np.random.default_rng(0).standard_normal((300, 200))
    >>> bool(np.allclose(product(a, a.T, threads=2), a @ a.T, rtol=1e-12))
    True
    """
    (m, k), n = a.shape, b.shape[1]
    if min(m, k, n) <= 1:  # no matrix product to the library, and split among its threads in other ways
        return np.einsum("ik,kj->ij", a, b)
    # the library has other loops, which round differently, for each order in memory
    a, b = np.ascontiguousarray(a), np.ascontiguousarray(b)
    if m * k * n <= ALONE:
        with LIBRARY:
            return a @ b
    columns = _part(n, _TILE)
    rows = _part(m, max(_TILE, ALONE // (min(k, _TILE) * columns)))
    result = np.zeros((m, n))
    add = partial(_add_product, b, (rows, ALONE // (rows * columns), columns))
    tasks = [partial(add, a[block], result[block]) for block in _blocks(m, rows, rows * n)]
    run_tasks(tasks, threads if m * k * n >= _SHARED_FROM else 1)
    return result


def _part(count: int, most: int) -> int:
    """Return the size of equal parts: of at most so many, or few more if one is enough then."""
    return count if count <= most + _MORE else -(-count // -(-count // most))


def _blocks(count: int, size: int, numbers: int) -> list[slice]:
    """Return slices of as many pieces of a size as one call takes, each of so many numbers, and of the rest."""
    whole, most = count - count % size, size * max(1, _AT_ONCE // numbers)
    edges = [*range(0, whole, most), *sorted({whole, count})]
    return [slice(*each) for each in itertools.pairwise(edges)]


def _add_product(b: FloatArray, sizes: tuple[int, int, int], a: FloatArray, out: FloatArray) -> None:
    """Add ``a @ b`` to `out`, in pieces of such sizes that each is computed on one thread, some in each call."""
    for across in _blocks(b.shape[1], sizes[2], len(a) * sizes[2]):
        sums = out[:, across]
        for along in _blocks(len(b), sizes[1], sums.size):
            _add_pieces(a[:, along], b[along, across], sizes, sums)


def _add_pieces(a: FloatArray, b: FloatArray, sizes: tuple[int, int, int], out: FloatArray) -> None:
    """Add ``a @ b`` to `out`, the rows, what is between, and the columns each in equal pieces of at most a size."""
    (m, k), n = a.shape, b.shape[1]
    rows, depth, columns = map(min, sizes, (m, k, n))
    left = a.reshape(-1, rows, k // depth, depth).transpose(2, 0, 1, 3)[:, :, None]
    right = b.reshape(-1, depth, n // columns, columns).swapaxes(1, 2)[:, None]
    sums = out.reshape(-1, rows, n // columns, columns).swapaxes(1, 2)
    with LIBRARY:
        parts = left @ right
    for part in parts:
        sums += part


def inverse(matrix: FloatArray, *, threads: int = 1) -> FloatArray:
    """Return the inverse of a matrix whose symmetric part is positive definite, with bits that depend on no thread.

    By halves and their Schur complement. The symmetric part of both is positive definite again, so that nothing needs
    to be exchanged. Small matrices are left to the library.

    Examples
    --------
    >>> matrix = np.eye(100) + np.tri(100, k=-1) - np.tri(100, k=-1).T
    >>> bool(np.allclose(inverse(matrix) @ matrix, np.eye(100), atol=1e-12))
    True
    """
    half = len(matrix) // 2
    if len(matrix) <= _TILE:
        return np.asarray(np.linalg.inv(matrix), dtype=np.float64)
    times = partial(product, threads=threads)
    (a, b), (c, d) = (np.split(rows, [half], axis=1) for rows in np.split(matrix, [half]))
    first = inverse(a, threads=threads)
    right, below = times(first, b), times(c, first)
    last = inverse(d - times(c, right), threads=threads)
    corner = times(last, below)
    return np.block([[first + times(right, corner), -times(right, last)], [-corner, last]])
