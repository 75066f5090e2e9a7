"""What the commands read and write: pairs, points, JSON."""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from eulerot._types import FloatArray
from eulerot.checks import checked_pairs, checked_path
from eulerot.errors import FormatError
from eulerot.files import write_atomically

__all__ = ["as_path", "checked_output", "read_pairs", "read_points", "show_json", "write_points"]

# Which files of points are known, by suffix; without one they are npy
_SUFFIXES = (".npy", ".npz", ".csv", "")


def as_path(text: str) -> Path:
    """Return the path that an argument names; ``~`` is the user's home."""
    return checked_path("path", text)


def read_pairs(path: Path) -> tuple[FloatArray, FloatArray]:
    """Return the arrays ``z`` and ``x`` of an npz file.

    Raises
    ------
    FormatError
        If it is no npz file, or lacks one of them.
    ValueError
        If they are not pairs.
    """
    arrays = _arrays(path)
    missing = [name for name in ("z", "x") if name not in arrays]
    if missing:
        raise FormatError(
            f"{path}: expected arrays z and x; {' and '.join(missing)} missing among {', '.join(arrays) or 'none'}. "
            "Write it by numpy.savez(path, z=latents, x=data)."
        )
    return checked_pairs("z", arrays["z"], "x", arrays["x"])


def read_points(path: Path, name: str | None, *, usual: str) -> np.ndarray:
    """Return the points of a file.

    These are the rows of a csv file, whose first line may name the columns; the array of an npy file; or of an npz file
    the array called `name`, else `usual`, else the only one.
    """
    if path.suffix.lower() == ".csv":
        return _read_csv(path)
    arrays = _arrays(path)
    wanted = name or (next(iter(arrays)) if len(arrays) == 1 else usual)
    if wanted not in arrays:
        raise FormatError(
            f"{path}: expected an array {wanted}; got {', '.join(arrays) or 'none'}. Name one of them by --array."
        )
    return arrays[wanted]


def checked_output(path: Path) -> Path:
    """Return a path whose suffix says how points are written, or say which suffixes there are."""
    if path.suffix.lower() not in _SUFFIXES:
        raise ValueError(
            f"--out: expected a file that ends in {', '.join(filter(None, _SUFFIXES))}, or without a suffix for npy; "
            f"got {path}. Rename it."
        )
    return path


def write_points(path: Path, points: FloatArray, name: str) -> None:
    """Write points as the suffix says, in an npz file under `name`; all of it or nothing."""
    buffer, suffix = io.BytesIO(), checked_output(path).suffix.lower()
    if suffix == ".npz":
        np.savez(buffer, **{name: points})  # type: ignore[arg-type]
    elif suffix == ".csv":
        np.savetxt(buffer, points, fmt="%.17g", delimiter=",")  # 17 digits are all of a float64
    else:
        np.save(buffer, points)
    write_atomically(path, buffer.getvalue())


def show_json(values: Mapping[str, object]) -> None:
    """Print one JSON object; numbers that JSON does not have become null."""
    print(json.dumps(_plain(values), allow_nan=False))


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value


def _read_csv(path: Path) -> FloatArray:
    """Return the numbers of a csv file, one point a line; the first line may be text."""
    lines = _contents(path).decode("utf-8-sig", errors="replace").splitlines()
    rows = [line.split(",") for line in lines if line.strip()]
    if rows and not any(map(_is_number, rows[0])):
        del rows[0]
    for number, row in enumerate(rows):
        if len(row) != len(rows[0]) or not all(map(_is_number, row)):
            raise FormatError(
                f"{path}: expected {len(rows[0])} numbers a line, with commas between them; got {','.join(row)[:60]!r} "
                f"in row {number}. Mend that line."
            )
    return np.array(rows, dtype=np.float64)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """Return what an npy or npz file holds; pickles are refused."""
    data = io.BytesIO(_contents(path))
    try:
        loaded = np.load(data, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {path.stem: loaded}
        return {name: loaded[name] for name in loaded.files}
    except (ValueError, EOFError, NotImplementedError, zipfile.BadZipFile) as error:
        raise FormatError(
            f"{path}: expected an .npz or .npy file of plain arrays; got another, or a part of one. Write it by "
            "numpy.save or numpy.savez, without objects."
        ) from error


def _contents(path: Path) -> bytes:
    """Return all bytes of a file, which may be a pipe."""
    if path.is_dir():
        raise FormatError(f"{path}: expected a file of points; got a directory. Pass the file itself.")
    return path.read_bytes()
