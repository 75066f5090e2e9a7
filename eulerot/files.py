"""Files that are complete or refused: named arrays of one kind and version, sealed by a checksum, written atomically.

A file is an npz archive, readable by `numpy.load`, with two members of its own, ``kind`` and ``version``. Its last 64
bytes, the archive's comment, are the seal: the SHA-256 of all bytes before them, and so of every array's name, type,
shape and values. The seal finds accidents; it is no signature. Nothing is ever pickled.
"""

from __future__ import annotations

import errno
import glob
import hashlib
import io
import os
import re
import secrets
import stat
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from eulerot.checks import checked_path
from eulerot.errors import FormatError

__all__ = ["decoded", "encoded", "is_stream", "read_arrays", "remove_partial", "write_arrays", "write_atomically"]

_SEAL_LENGTH = 64
_OWN = ("kind", "version")
# what is raised by archives and array headers that are not what they say
_UNREADABLE = (ValueError, KeyError, OSError, EOFError, NotImplementedError, OverflowError, zipfile.BadZipFile)


def write_arrays(path: str | os.PathLike[str], arrays: Mapping[str, ArrayLike], *, kind: str, version: int) -> None:
    """Write named arrays to a file that `read_arrays` takes back, bit by bit.

    Parameters
    ----------
    path : path-like
        The file; ``~`` is the user's home. It gets no suffix, and an old file stays until the new one is complete.
    arrays : mapping of str to array_like
        Arrays of numbers, truth values or text.
    kind : str
        What the file holds.
    version : int
        The version of that kind's layout; raise it when old readers would misread.

    Raises
    ------
    ValueError
        If an array holds Python objects, which only pickle could write.
    OSError
        If the file cannot be written; the old one, if any, is untouched.

    See Also
    --------
    eulerot.files.read_arrays : Read such a file.

    Examples
    --------
    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "numbers.npz")
    ...     write_arrays(path, {"x": [1.0, 2.0]}, kind="numbers", version=1)
    ...     read_arrays(path, kind="numbers", version=1)
    {'x': array([1., 2.])}
    """
    write_atomically(path, encoded(arrays, kind, version))


def read_arrays(path: str | os.PathLike[str], *, kind: str, version: int) -> dict[str, np.ndarray]:
    """Return the arrays of a file that `write_arrays` wrote.

    Parameters
    ----------
    path : path-like
        The file.
    kind : str
        What it has to hold.
    version : int
        The newest version that the caller understands.

    Returns
    -------
    dict of str to ndarray
        The arrays by their names.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FormatError
        If it is no file of eulerot, holds something else, is newer, or is not what was written, down to the last bit.

    See Also
    --------
    eulerot.files.write_arrays : Write arrays to a sealed file.

    Examples
    --------
    >>> read_arrays("/dev/null", kind="numbers", version=1)
    Traceback (most recent call last):
    ...
    eulerot.errors.FormatError: /dev/null: expected a file; got a directory or a device. Pass the file itself.
    """
    source = checked_path("path", path)
    try:
        if source.exists() and not source.is_file():
            raise FormatError(f"{path}: expected a file; got a directory or a device. Pass the file itself.")
        data = source.read_bytes()
    except OSError as error:
        raise _in_words_of(path, error, source) from None
    return decoded(path, data, kind=kind, version=version)


def decoded(path: str | os.PathLike[str], data: bytes, *, kind: str, version: int) -> dict[str, np.ndarray]:
    """Return the arrays of the bytes that `encoded` returned; messages call them `path`. See `read_arrays`.

    Examples
    --------
    >>> decoded("the bytes", encoded({"x": [1.0, 2.0]}, "numbers", 1), kind="numbers", version=1)
    {'x': array([1., 2.])}
    """
    arrays = _opened(path, data)
    found, newest = str(arrays.pop("kind")), int(arrays.pop("version"))
    if found != kind:
        raise FormatError(f"{path}: expected a file of kind '{kind}'; got '{found}'. Pass another file.")
    if newest > version:
        raise FormatError(
            f"{path}: expected version {version} of kind '{kind}' or older; got version {newest}. Upgrade eulerot."
        )
    return arrays


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file so that, whatever happens, either the old one or the whole new one is there.

    A path that is no regular file, such as a device, a named pipe or ``/dev/stdout``, is written to as it is.

    Raises
    ------
    ValueError
        If it is no path.
    OSError
        If it cannot be written; the old file, if any, is untouched.
    """
    target = checked_path("path", path)
    try:
        if is_stream(target):
            _write_stream(target, data)
        else:
            _replace(Path(os.path.realpath(target)), data)  # through a symbolic link, which stays one
    except OSError as error:
        raise _in_words_of(path, error, target) from None


def is_stream(path: Path) -> bool:
    """Return whether a path is there and is written to rather than replaced: a device, a pipe, an open file."""
    if _descriptor(path) is not None:
        return True
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def remove_partial(path: str | os.PathLike[str]) -> None:
    """Remove what writers of this file that were killed have left beside it."""
    target = Path(os.path.realpath(checked_path("path", path)))
    before, after = _partial_name(target.name, "\0").split("\0")
    for leftover in target.parent.glob(glob.escape(before) + "?" * 16 + after):
        leftover.unlink(missing_ok=True)


def _replace(target: Path, data: bytes) -> None:
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, "It is a folder; name a file in it")
    partial = target.with_name(_partial_name(target.name, secrets.token_hex(8)))
    try:
        with open(partial, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _write_stream(target: Path, data: bytes) -> None:
    """Write to a stream; to a file of this process that is open where its last output ended."""
    descriptor = _descriptor(target)
    if descriptor is None:
        with open(target, "wb") as stream:
            stream.write(data)
        return
    for printed in (sys.stdout, sys.stderr):
        printed.flush()
    with os.fdopen(os.dup(descriptor), "wb") as stream:
        stream.write(data)


def _descriptor(path: Path) -> int | None:
    """Return which open file of this process a path names, if any."""
    named = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}.get(str(path))
    number = re.fullmatch(r"/(?:dev|proc/self)/fd/(\d+)", str(path))
    return int(number[1]) if number else named


def _in_words_of(path: str | os.PathLike[str], error: OSError, target: Path) -> OSError:
    """Return an error about the user's own path, not about the partial file beside it."""
    if error.errno is None:
        return error
    reason = error.strerror
    if isinstance(error, FileNotFoundError) and not target.parent.is_dir():
        reason = "There is no such folder; make it first"
    return OSError(error.errno, reason, os.fspath(path))


def _partial_name(name: str, token: str) -> str:
    return f".{name[:100]}.{token}.part"


def encoded(arrays: Mapping[str, ArrayLike], kind: str, version: int) -> bytes:
    """Return what `write_arrays` writes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.comment = b"0" * _SEAL_LENGTH
        for name, value in {"kind": kind, "version": version, **arrays}.items():
            if name in _OWN and name in arrays:
                raise ValueError(f"arrays: expected names other than {_OWN}; got {name!r}. Name it otherwise.")
            array = np.asarray(value)
            if array.dtype.hasobject:
                raise ValueError(
                    f"{name}: expected numbers, truth values or text; got dtype {array.dtype}. Only pickle writes it."
                )
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
    body = buffer.getvalue()[:-_SEAL_LENGTH]
    return body + _seal(body)


def _opened(path: str | os.PathLike[str], data: bytes) -> dict[str, np.ndarray]:
    """Return all members of an archive whose seal is whole."""
    body, seal = data[:-_SEAL_LENGTH], data[-_SEAL_LENGTH:]
    if seal != _seal(body):
        raise FormatError(f"{path}: {_diagnosis(data)}")
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        if not all(name in arrays and arrays[name].ndim == 0 for name in _OWN):
            raise ValueError("it names no kind or no version")
        return arrays
    except _UNREADABLE as error:
        raise FormatError(f"{path}: expected a file written by eulerot; got another ({error}).") from error


def _seal(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()


def _diagnosis(data: bytes) -> str:
    """Say what a file without a whole seal is likely to be."""
    if not data:
        return "expected a file written by eulerot; got an empty one. Write it again."
    if b"kind.npy" in data and b"version.npy" in data:
        return (
            "the checksum does not agree with the contents: the file has been altered or cut short since it was "
            "written. Copy it again from where it is whole, or write it again."
        )
    return "expected a file written by eulerot; got another, or too little of one to tell. Pass another file."
