"""Numba's compiler as the package uses it: machine code is kept in files where there is a place for them.

Numba by itself fails at import where it finds no folder to write to, fails or crashes on a damaged file, and does not
see that a function which was inlined into another has changed. Here each file ends in a checksum of all before it, and
belongs to the sources of all kernels together.
"""

from __future__ import annotations

import gc
import hashlib
import io
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, wraps
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile, NullCache

from eulerot import _compilers

__all__ = ["compiled", "inlined"]

_SEAL = 32  # bytes of SHA-256
_SEALED = "-sealed"  # in the names of files, so that those of Numba itself are not taken for damaged ones


def compiled(**options: Any) -> Callable[[Callable], Callable]:
    """Return a decorator that compiles a function on its first call; it runs without the interpreter's lock.

    Parameters
    ----------
    **options
        Those of `numba.njit`.

    Examples
    --------
    >>> @compiled(fastmath={"contract"})
    ... def twice(x):
    ...     return 2.0 * x
    >>> twice(3.0)
    6.0
    """

    def compile_later(function: Callable) -> Callable:
        dispatcher = numba.njit(**_compilers.KERNEL_OPTIONS, **options)(function)
        if hasattr(dispatcher, "_cache"):  # without a compiler (NUMBA_DISABLE_JIT) it is the function itself
            dispatcher._cache = _cache_of(function)
            dispatcher.compile = _uncollected(dispatcher.compile)
        return dispatcher

    return compile_later


def inlined(**options: Any) -> Callable[[Callable], Callable]:
    """Return a decorator for a part of compiled functions, which is inlined into each of them.

    In a process that compiles them, calls would be linked to other machine code than in one that loads them from the
    cache, and a sum that is fused otherwise has other bits. Python itself cannot call a part.

    Parameters
    ----------
    **options
        Those of `numba.njit`.

    Examples
    --------
    >>> @inlined(fastmath={"contract"})
    ... def twice(x):
    ...     return 2.0 * x
    >>> @compiled(fastmath={"contract"})
    ... def fourfold(x):
    ...     return twice(twice(x))
    >>> fourfold(3.0)
    12.0
    """
    return numba.njit(**_compilers.PART_OPTIONS, **options)  # type: ignore[no-any-return]


def _uncollected(function: Callable) -> Callable:
    """Return the function, which runs while Python collects no garbage: among a compiler's objects that takes long."""

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        enabled = gc.isenabled()
        gc.disable()
        try:
            return function(*args, **kwargs)
        finally:  # where several threads are here, the first one enables it again, or nobody disabled it
            if enabled:
                gc.enable()

    return run


def _cache_of(function: Callable) -> FunctionCache | NullCache:
    if not os.path.exists(function.__code__.co_filename):  # typed at a prompt: there is nothing to keep it by
        return NullCache()
    try:
        return _SealedCache(function)
    except (RuntimeError, OSError):  # there is no folder that can be written to, or no source to read
        return _NoCache()


class _NoCache(NullCache):
    """The cache of a function for which there is no place."""

    def load_overload(self, sig: object, target_context: object) -> None:
        """Say once that each process has to compile for itself."""
        _warn(
            "place",
            "machine code cannot be kept, since neither the package's folder nor a cache can be written to: each "
            "process compiles for itself, some seconds for each function. Set NUMBA_CACHE_DIR to a folder of your own.",
        )


class _Place(CompileResultCacheImpl):
    """Where Numba keeps machine code: NUMBA_CACHE_DIR, beside the source, or in the user's cache."""

    # Without a home the user's cache would be a folder called "~" in the current one
    _locator_classes = [  # noqa: RUF012
        each
        for each in CompileResultCacheImpl._locator_classes
        if "UserWide" not in each.__name__ or "XDG_CACHE_HOME" in os.environ or os.path.isabs(os.path.expanduser("~"))
    ]


class _SealedCache(FunctionCache):
    """The cache of a function, with files that are whole or not there."""

    _impl_class = _Place

    def __init__(self, function: Callable) -> None:
        super().__init__(function)
        place = self._impl.locator
        self._cache_file = _SealedFiles(
            place.get_cache_path(), self._impl.filename_base + _SEALED, (place.get_source_stamp(), _kernel_sources())
        )

    def save_overload(self, sig: object, data: object) -> None:
        """Keep the machine code, or say that it could not be kept."""
        try:
            super().save_overload(sig, data)
        except OSError as error:  # a full disk, a folder that has gone
            _warn("place", f"machine code cannot be kept ({error}): each process compiles for itself.")


class _SealedFiles(IndexDataCacheFile):
    """Numba's two files of a function, each with a checksum at its end; one that is not whole is written again."""

    def load(self, key: object) -> object:
        """Return the machine code of a signature; None if there is none, or none that is whole."""
        try:
            return super().load(key)
        except Exception as error:
            _warn_of_damage(self._cache_path, error)
            return None

    def _load_index(self) -> dict:
        try:
            _check_whole(self._index_path)
            return super()._load_index()
        except FileNotFoundError:
            return {}
        except Exception as error:
            _warn_of_damage(self._index_path, error)
            return {}

    def _load_data(self, name: str) -> object:
        _check_whole(self._data_path(name))
        return super()._load_data(name)

    @contextmanager
    def _open_for_write(self, filepath: str) -> Iterator[io.BytesIO]:
        with super()._open_for_write(filepath) as file:
            body = io.BytesIO()
            yield body
            file.write(body.getvalue() + hashlib.sha256(body.getvalue()).digest())


def _check_whole(path: str) -> None:
    data = Path(path).read_bytes()
    if hashlib.sha256(data[:-_SEAL]).digest() != data[-_SEAL:]:
        raise ValueError("it has been altered or cut short")


@lru_cache(maxsize=1)
def _kernel_sources() -> bytes:
    """Return what identifies the sources of all kernels, and how they are compiled: parts are inlined across files."""
    sources, package = hashlib.sha256(), Path(__file__).parent
    for file in [Path(_compilers.__file__), *sorted(package.rglob("_kernels*.py"))]:
        sources.update(file.read_bytes())
    return sources.digest()


def _warn_of_damage(path: str, error: Exception) -> None:
    _warn("damage", f"machine code kept in {path} could not be read ({error}); it is compiled again.")


_SAID = set[str]()


def _warn(trouble: str, message: str) -> None:
    """Warn once of each kind of trouble, in one line: there is no line of the user's that it could show."""
    if trouble not in _SAID:
        _SAID.add(trouble)
        warnings.warn_explicit(message, RuntimeWarning, "eulerot", 0)
