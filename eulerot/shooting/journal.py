"""Keep a journal of all values and gradients that a fit computes, from which a fit that was killed can be resumed.

An optimiser cannot be stopped and started from inside, but it is deterministic: given the same values and gradients,
it asks for the same ones next. So a checkpoint keeps them, in order. A fit that is resumed starts from its beginning
again, but reads from the journal what is there instead of computing it. Its result has the same bits as that of a fit
that was never stopped, because the optimiser takes the same steps.
"""

from __future__ import annotations

import hashlib
import json
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from eulerot._ranks import ALONE, Ranks
from eulerot._types import FloatArray
from eulerot._version import __version__
from eulerot.errors import FormatError
from eulerot.files import read_arrays, remove_partial, write_arrays
from eulerot.shooting.options import FitOptions
from eulerot.shooting.retreat import Function, Retreat

if TYPE_CHECKING:
    from scipy.optimize import OptimizeResult

__all__ = ["Journal"]

_KIND, _VERSION = "eulerot checkpoint", 1
# Seconds between two writings; more where one takes long, so that writing takes no more than a twentieth of the time
_INTERVAL, _SHARE = 1.0, 20
# Where the gradient is no larger a minimum is found, unless the caller says otherwise
_GTOL = 1e-5


@dataclass
class Journal:
    """Keep the values and gradients of the minimised functions, in the order in which they were computed.

    Used as a context, it writes what is not written yet when it ends, however it ends.

    Parameters
    ----------
    path : Path or None
        The file; None keeps nothing.
    problem : dict of str to str
        What the result depends on. A file of another problem is refused.
    entries : list of (int, ndarray)
        A digest of the unknowns, and the value followed by the gradient.
    writes : bool
        Whether to write the file; of several processes that fit together one does.

    Examples
    --------
    >>> found = Journal().minimise(lambda x: (float(x @ x), 2 * x), np.ones(3), maxiter=20)
    >>> bool(np.abs(found.x).max() < 1e-9)
    True
    """

    path: Path | None = None
    problem: dict[str, str] = field(default_factory=dict)
    entries: list[tuple[int, FloatArray]] = field(default_factory=list)
    writes: bool = True

    def __post_init__(self) -> None:
        self._place, self._written, self._due = 0, len(self.entries), 0.0

    @classmethod
    def of(cls, options: FitOptions, *samples: tuple[FloatArray, FloatArray], ranks: Ranks = ALONE) -> Journal:
        """Return the journal of a fit to these samples: read from its file, or new and written at once.

        Of several processes the first one reads and writes, and the others get what it has read.

        Raises
        ------
        ValueError
            If the file is one of other pairs, options or version of the package.
        FormatError
            If it is not a complete checkpoint.
        OSError
            If it cannot be read or written.
        """
        if options.checkpoint is None:
            return cls()
        path, problem = Path(options.checkpoint), _problem(options, samples)

        def begun() -> list[tuple[int, FloatArray]]:
            remove_partial(path)
            if path.exists():
                return _read(path, problem)
            cls(path, problem)._write()
            return []

        return cls(path, problem, ranks.by_first(begun), ranks.number == 0)

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._keep()

    def side_by_side(self, threads: int, ranks: Ranks) -> int:
        """Return how many functions threads may minimise at a time: one if a file, or other processes, go by the order.

        Examples
        --------
        >>> Journal().side_by_side(2, ALONE)
        2
        """
        return 1 if self.path is not None or ranks.size > 1 else threads

    def minimise(
        self,
        function: Function,
        start: FloatArray,
        *,
        first: float = 1.0,
        callback: Callable[[OptimizeResult], None] | None = None,
        **options: float,
    ) -> OptimizeResult:
        """Minimise a function that returns its value, infinite where it has none, and its gradient, by L-BFGS-B.

        The first trial is as far from the start as `first` says, a power of two.

        Raises
        ------
        FormatError
            If the journal holds other values than this fit computes.
        """
        from scipy.optimize import minimize  # takes long to import

        asked = Retreat(partial(self.value, function))

        def scaled(theta: FloatArray) -> tuple[float, FloatArray]:
            value, gradient = asked(first * theta)
            return value, first * gradient

        def accepted(intermediate_result: OptimizeResult) -> None:
            asked.accept()
            if callback is not None:
                intermediate_result.x = first * intermediate_result.x
                callback(intermediate_result)

        # the first trial of this method is a unit away, and gradients are smaller by the unit
        options["gtol"] = first * options.get("gtol", _GTOL)
        found = minimize(scaled, start / first, jac=True, method="L-BFGS-B", callback=accepted, options=options)
        found.x = first * found.x
        return found

    def value(self, function: Function, theta: FloatArray) -> tuple[float, FloatArray]:
        """Return what a function gives, a number and a vector: read where it is known, computed otherwise.

        Raises
        ------
        FormatError
            If the journal holds other values than this fit computes.

        Examples
        --------
        >>> Journal().value(lambda x: (float(x @ x), 2 * x), np.ones(2))
        (2.0, array([2., 2.]))
        """
        if self.path is None:
            return function(theta)
        place, digest = self._place, _digest(theta)
        known = self.entries[place] if place < len(self.entries) else None
        entry = known
        # the last answer that was read is computed again, to see whether this machine gives the same bits
        if entry is None or place == self._written - 1:
            value, gradient = function(theta)
            entry = (digest, np.concatenate([[value], gradient]))
        if known is None:
            self.entries.append(entry)
        elif known[0] != digest or known[1].tobytes() != entry[1].tobytes():
            raise FormatError(
                f"checkpoint: expected what this fit computes; {self.path} contradicts it at evaluation {place + 1} of "
                f"{len(self.entries)}. It comes from another machine or other versions of numpy and scipy, or was "
                "altered. Delete it, or pass another path."
            )
        self._place = place + 1
        if time.monotonic() >= self._due:
            self._keep()
        return float(entry[1][0]), entry[1][1:].copy()

    def _keep(self) -> None:
        """Write the entries that are not in the file yet; an error of the disk only warns and does not end the fit."""
        if self.path is None or not self.writes or self._written == len(self.entries):
            return
        begun = time.monotonic()
        try:
            self._write()
        except OSError as error:
            warnings.warn(f"checkpoint: {self.path} could not be written ({error}); the fit goes on.", stacklevel=2)
        now = time.monotonic()
        self._due = now + max(_INTERVAL, _SHARE * (now - begun))

    def _write(self) -> None:
        assert self.path is not None
        count = len(self.entries)
        arrays: dict[str, ArrayLike] = {
            "problem": json.dumps(self.problem),
            "digests": np.array([digest for digest, _ in self.entries], dtype=np.uint64),
            "sizes": np.array([len(numbers) for _, numbers in self.entries], dtype=np.int64),
            "numbers": np.concatenate([np.zeros(0), *(numbers for _, numbers in self.entries)]),
        }
        write_arrays(self.path, arrays, kind=_KIND, version=_VERSION)
        self._written = count


def _problem(options: FitOptions, samples: tuple[tuple[FloatArray, FloatArray], ...]) -> dict[str, str]:
    """Return everything that the result of a fit depends on, by name."""
    digest = hashlib.sha256()
    for rows in (array for pair in samples for array in pair):
        digest.update(str(rows.shape).encode())
        digest.update(rows.tobytes())
    settings = {name: str(value) for name, value in options.shared.items()}
    return {"pairs": digest.hexdigest(), "version": __version__, **settings}


def _digest(theta: FloatArray) -> int:
    return int.from_bytes(hashlib.sha256(theta.tobytes()).digest()[:8], "little")


def _read(path: Path, problem: dict[str, str]) -> list[tuple[int, FloatArray]]:
    """Read the entries of a file, after checking that it belongs to this problem."""
    arrays = read_arrays(path, kind=_KIND, version=_VERSION)
    try:
        found = dict(json.loads(str(arrays["problem"])))
        numbers = np.split(arrays["numbers"], np.cumsum(arrays["sizes"]))[:-1]
        entries = list(zip(arrays["digests"].tolist(), numbers, strict=True))
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(f"{path}: expected a checkpoint; got arrays that are none ({error}).") from error
    other = sorted(name for name in found.keys() | problem.keys() if found.get(name) != problem.get(name))
    if other:
        raise ValueError(
            f"checkpoint: expected the file of this fit, or none; got {path}, whose fit differs in {', '.join(other)}. "
            "Resume with the same pairs, seed and options, or delete the file, or pass another path."
        )
    return entries
