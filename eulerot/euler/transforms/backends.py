"""One-dimensional transforms along an axis, planned on fixed arrays: FFTW, or SciPy where FFTW is missing.

A backend is a function ``plan(kind, source, target, axis)`` that returns a call which transforms `source` to `target`.
The kinds are unnormalised, and those of FFTW:

- ``"backward"``, ``"forward"``: complex to complex, ``exp(+-i)``; ``"to_real"``, ``"from_real"``: half-complex to real
  and back;
- ``"sin"``, ``"cos"``: sum of a sine or cosine series on cell centres, each term doubled but the cosines' constant;
  ``"by_sin"``, ``"by_cos"``: analysis of values on cell centres.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import scipy

from eulerot._ranks import Ranks

__all__ = ["Plan", "available", "empty", "planned_alike", "planner"]

Plan = Callable[[], object]
T = TypeVar("T")

# From this size on, FFTW times its algorithms, once for each machine; below, its estimate is kept, which needs no file.
MEASURED_FROM = 10_000

# FFTW plans, and reads and writes its wisdom, in one thread at a time; a fork waits for it, or the child would find
# half a plan, and the lock taken for good
_PLANNING = threading.RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_PLANNING.acquire, after_in_parent=_PLANNING.release, after_in_child=_PLANNING.release)

_FFTW_DIRECTIONS = {
    "backward": "FFTW_BACKWARD", "to_real": "FFTW_BACKWARD", "forward": "FFTW_FORWARD", "from_real": "FFTW_FORWARD",
    "sin": "FFTW_RODFT01", "by_sin": "FFTW_RODFT10", "cos": "FFTW_REDFT01", "by_cos": "FFTW_REDFT10",
}  # fmt: skip


def available() -> str:
    """Return the best backend that is installed, ``"fftw"`` or ``"scipy"``."""
    try:
        import pyfftw  # noqa: F401
    except ImportError:
        return "scipy"
    return "fftw"


def empty(shape: tuple[int, ...], dtype: type, backend: str) -> np.ndarray:
    """Return zeros, aligned for FFTW."""
    if backend == "scipy":
        return np.zeros(shape, dtype)
    import pyfftw

    return pyfftw.zeros_aligned(shape, dtype=dtype)


def planner(backend: str) -> Callable[[str, np.ndarray, np.ndarray, int], Plan]:
    """Return the function that plans transforms.

    Raises
    ------
    ValueError
        If the backend is unknown.
    """
    table = {"fftw": _plan_fftw, "scipy": _plan_scipy}
    if backend not in table:
        raise ValueError(f"backend: expected one of {tuple(table)}; got {backend!r}. Choose one of them.")
    return table[backend]


def planned_alike(ranks: Ranks, make: Callable[[], T], backend: str) -> T:
    """Return what `make` makes, with the same plans on all processes: the first one measures, the others are told."""
    if ranks.size == 1 or backend != "fftw":
        return make()
    import pyfftw

    made = make() if ranks.number == 0 else None
    wisdom = ranks.by_first(lambda: pyfftw.export_wisdom()[0])
    if made is None:
        with _PLANNING:
            pyfftw.import_wisdom((wisdom, b"", b""))
        made = make()
    return made


def _plan_fftw(kind: str, source: np.ndarray, target: np.ndarray, axis: int) -> Plan:
    with _PLANNING:
        return _planned_alone(kind, source, target, axis)


def _planned_alone(kind: str, source: np.ndarray, target: np.ndarray, axis: int) -> Plan:
    import pyfftw

    direction = _FFTW_DIRECTIONS[kind]
    plan = partial(
        pyfftw.FFTW, source, target, axes=(axis,), direction=(direction,) if "DFT" in direction else direction
    )
    if source.size < MEASURED_FROM or _wisdom_file() is None:
        return plan(flags=("FFTW_ESTIMATE", "FFTW_DESTROY_INPUT")).execute
    _recall_wisdom()
    flags = ("FFTW_MEASURE", "FFTW_DESTROY_INPUT")
    try:  # what has been planned before on this machine is planned alike: the same bits, and at once
        return plan(flags=(*flags, "FFTW_WISDOM_ONLY")).execute
    except RuntimeError:
        with _measuring():
            _recall_wisdom.cache_clear()
            _recall_wisdom()  # another process may have measured while this one waited
            try:
                return plan(flags=(*flags, "FFTW_WISDOM_ONLY")).execute
            except RuntimeError:
                measured = plan(flags=flags)
                _keep_wisdom()
                return measured.execute


@contextmanager
def _measuring() -> Iterator[None]:
    """Let one process measure at a time: others then find its plans, and have the same bits."""
    file, folder = _wisdom_file(), None
    try:
        with suppress(ImportError, OSError):  # systems without such locks, and folders that have none
            import fcntl

            assert file is not None
            folder = os.open(file.parent, os.O_RDONLY)
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        if folder is not None:
            os.close(folder)


@lru_cache(maxsize=1)
def _wisdom_file() -> Path | None:
    """Return the file in the user's cache folder that keeps FFTW's wisdom; None if it cannot be written."""
    import pyfftw

    try:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "eulerot"
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # a user without a home is a RuntimeError
        return None
    return folder / f"fftw-wisdom-{pyfftw.__version__}" if os.access(folder, os.W_OK) else None


@lru_cache(maxsize=1)
def _recall_wisdom() -> None:
    import pyfftw

    file = _wisdom_file()
    if file is not None:
        with suppress(OSError):  # FFTW itself refuses a file that is damaged or of another machine
            pyfftw.import_wisdom((file.read_bytes(), b"", b""))


def _keep_wisdom() -> None:
    import pyfftw

    file = _wisdom_file()
    if file is None:
        return
    # a plan that is not kept is measured again by the next process
    with suppress(OSError), tempfile.TemporaryDirectory(dir=file.parent) as folder:
        partial = Path(folder) / file.name
        partial.write_bytes(pyfftw.export_wisdom()[0])
        os.replace(partial, file)


def _plan_scipy(kind: str, source: np.ndarray, target: np.ndarray, axis: int) -> Plan:
    n = target.shape[axis]
    calls: dict[str, Callable[[], np.ndarray]] = {
        "backward": lambda: scipy.fft.ifft(source, axis=axis, norm="forward"),
        "forward": lambda: scipy.fft.fft(source, axis=axis),
        "to_real": lambda: scipy.fft.irfft(source, n, axis=axis, norm="forward"),
        "from_real": lambda: scipy.fft.rfft(source, axis=axis),
        "sin": lambda: scipy.fft.dst(source, type=3, axis=axis),
        "by_sin": lambda: scipy.fft.dst(source, type=2, axis=axis),
        "cos": lambda: scipy.fft.dct(source, type=3, axis=axis),
        "by_cos": lambda: scipy.fft.dct(source, type=2, axis=axis),
    }
    call = calls[kind]

    def execute() -> None:
        target[...] = call()

    return execute
