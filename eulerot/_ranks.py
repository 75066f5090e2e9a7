"""Processes that compute together, by MPI: who has which part, and how an error of one of them ends all.

Each process makes the same calls in the same order. Before anything is exchanged they agree, in one small message, that
none has failed and that all are at the same place: so a process that has failed joins once more, to say so, and all
others raise its error there instead of waiting for it for ever.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import pickle
import signal
import threading
import zlib
from collections.abc import Callable, Sequence
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from eulerot._extras import check_installed
from eulerot._types import FloatArray
from eulerot.checks.scalars import shown

if TYPE_CHECKING:
    from mpi4py import MPI

T = TypeVar("T")
# Numbers, and for each process how many of them are for it or from it, and where they begin
Message = tuple[np.ndarray, tuple[list[int], list[int]]]

__all__ = ["ALONE", "Message", "Ranks"]


class Ranks:
    """The processes of a communicator, numbered by their ranks; without one, this process alone.

    As a context it ends all of them with the error of any, and Ctrl-C, to one or to all, is an error like others: it
    waits for the next exchange, which all then leave with `KeyboardInterrupt`.

    Parameters
    ----------
    comm : mpi4py.MPI.Intracomm or None
        The communicator, the same call on all of its processes.

    Raises
    ------
    ImportError
        If mpi4py is missing.
    ValueError
        If it is no communicator of one group.

    Examples
    --------
    >>> with Ranks() as ranks:
    ...     ranks.size, ranks.number, ranks.edges(5), ranks.largest(2.0)
    (1, 0, [0, 5], 2.0)
    """

    def __init__(self, comm: MPI.Intracomm | None = None) -> None:
        self.size, self.number = 1, 0
        self._comm = _checked_comm(comm)
        if self._comm is not None:
            self.size, self.number = self._comm.Get_size(), self._comm.Get_rank()
        self._interrupted = False
        self._raised: BaseException | None = None  # the error that all have got
        self._handler: object = None  # of Ctrl-C, before this context

    def edges(self, count: int) -> list[int]:
        """Return the edges of the parts of so many things, rank by rank: the first and the last are 0 and the count."""
        return [count * rank // self.size for rank in range(self.size + 1)]

    def agree(self, place: str, value: float = 0.0) -> FloatArray:
        """Wait for all, and return the value of each; the error of one that has failed is raised on all.

        So is an error if one is at another place of the program.
        """
        if self._comm is None:
            return np.array([value])
        code = float(zlib.crc32(place.encode()))
        failed, codes, values = self._told(self._interrupted, code, value)
        if failed.any():
            self._raise(KeyboardInterrupt() if self._interrupted else None)
        if (codes != codes[0]).any():
            self._raised = ValueError(
                f"comm: expected the same calls on all ranks; got {place!r} on rank {self.number}, and something else "
                "on others. Ask for the field of a step on all ranks or on none, and let all end alike."
            )
            raise self._raised
        return values

    def tell(self, error: BaseException) -> None:
        """Tell all others of an error of this process; of one that all have got from `agree` they know."""
        if self._comm is not None and error is not self._raised:
            self._told(True, 0.0, 0.0)
            self._errors(error)

    def largest(self, value: float) -> float:
        """Return the largest of the values of all."""
        return float(np.max(self.agree("largest", value)))

    def joined(self, part: np.ndarray, axis: int = 0) -> np.ndarray:
        """Return the parts of all, one after another along an axis."""
        if self._comm is None:
            return part
        first = np.ascontiguousarray(np.moveaxis(part, axis, 0))
        counts, each = self.agree("joined", len(first)), math.prod(first.shape[1:])
        whole = np.empty((int(counts.sum()), *first.shape[1:]), first.dtype)
        self._comm.Allgatherv(first, [whole, (counts * each).astype(int)])
        return np.ascontiguousarray(np.moveaxis(whole, 0, axis))

    def summed(self, parts: Sequence[np.ndarray], like: np.ndarray) -> np.ndarray:
        """Return the sum of the arrays of all, each of the shape of `like`, in one order: rank by rank.

        The sum has the bits of one process that has all of them. Each process adds up a stretch of all arrays.
        """
        total = np.zeros_like(like)
        if self._comm is None:
            for part in parts:
                total += part
            return total
        mine = np.array([part.ravel() for part in parts]).reshape(len(parts), like.size)
        counts, edges = self.agree("summed", len(parts)).astype(int), self.edges(like.size)
        own = edges[self.number + 1] - edges[self.number]
        packed = np.concatenate([mine[:, a:b].ravel() for a, b in itertools.pairwise(edges)])
        arrived = np.empty((counts.sum(), own), like.dtype)
        self._comm.Alltoallv([packed, np.diff(edges) * len(parts)], [arrived, counts * own])
        stretch = np.zeros(own, like.dtype)
        for part in arrived:
            stretch += part
        return self.joined(stretch).reshape(like.shape)

    def exchange(self, source: Message, target: Message) -> None:
        """Send to each and receive from each so many numbers of an array."""
        assert self._comm is not None
        self.agree("exchange")
        self._comm.Alltoallv(source, target)

    def by_first(self, make: Callable[[], T]) -> T:
        """Return what rank 0 makes, on all."""
        if self._comm is None:
            return make()
        made = make() if self.number == 0 else None
        self.agree("by_first")
        return self._comm.bcast(made)

    def check_same(self, **arguments: object) -> None:
        """Raise an error if an argument, an array or what `repr` shows in full, is another one on some rank."""
        if self._comm is None:
            return
        self.agree("check_same")
        found = self._comm.allgather({name: _digest(value) for name, value in arguments.items()})
        for name in arguments:
            others = [rank for rank, digests in enumerate(found) if digests[name] != found[0][name]]
            if others:
                self._raised = ValueError(
                    f"{name}: expected the same on all ranks; got another one on rank {others[0]} than on rank 0. Pass "
                    "the same arguments everywhere: each rank takes its part of them by itself."
                )
                raise self._raised

    def __enter__(self) -> Ranks:
        if self._comm is not None and threading.current_thread() is threading.main_thread():
            handler = signal.getsignal(signal.SIGINT)
            if callable(handler):
                self._handler = handler
                signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if error is None:
                self.agree("end")
            else:
                self.tell(error)
        finally:
            if self._handler is not None:
                signal.signal(signal.SIGINT, self._handler)  # type: ignore[arg-type]
            if self._comm is not None:
                self._comm.Free()

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self._interrupted = True

    def _told(self, failed: bool, code: float, value: float) -> FloatArray:
        """Return of all ranks whether they have failed, where they are, and their values, a row each."""
        assert self._comm is not None
        told = np.empty((self.size, 3))
        self._comm.Allgather(np.array([failed, code, value], dtype=float), told)
        return told.T

    def _errors(self, error: BaseException | None) -> list[tuple[int, bytes]]:
        """Return the errors of all ranks that have one, pickled."""
        assert self._comm is not None
        found = self._comm.allgather(None if error is None else _pickled(error))
        return [(rank, each) for rank, each in enumerate(found) if each is not None]

    def _raise(self, own: BaseException | None) -> None:
        """Raise the error of this rank or else that of the first rank that has one."""
        rank, pickled = self._errors(own)[0]
        self._raised, self._interrupted = own or pickle.loads(pickled), False
        if own is None and hasattr(self._raised, "add_note"):
            self._raised.add_note(f"raised on rank {rank}")
        raise self._raised


def _checked_comm(comm: object) -> MPI.Intracomm | None:
    """Return a communicator of our own with the processes of one; None for a process alone."""
    if comm is None:
        return None
    check_installed("mpi4py", extra="mpi", user="comm")
    from mpi4py import MPI

    if not isinstance(comm, MPI.Intracomm) or comm == MPI.COMM_NULL:
        raise ValueError(
            f"comm: expected a communicator of mpi4py, or None; got {shown(comm)}. Pass mpi4py.MPI.COMM_WORLD."
        )
    return comm.Dup() if comm.Get_size() > 1 else None


def _digest(value: object) -> str:
    """Return what two equal arguments have in common, and two others have not."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape} {hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()}"
    return repr(value)


def _pickled(error: BaseException) -> bytes:
    """Return an error for other processes; where it cannot travel, one that has its words."""
    try:
        pickled = pickle.dumps(error)
        pickle.loads(pickled)
    except Exception:
        return pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))
    return pickled


ALONE = Ranks()
