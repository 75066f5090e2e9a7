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
from eulerot.checks import checked_pairs
from eulerot.errors import FormatError
from eulerot.files import write_atomically

__all__ = ["read_pairs", "read_points", "show_json", "write_points"]


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
    """Return the one array of an npy file, or of an npz file the one called `name`, else `usual`, else the only one."""
    arrays = _arrays(path)
    wanted = name or (next(iter(arrays)) if len(arrays) == 1 else usual)
    if wanted not in arrays:
        raise FormatError(
            f"{path}: expected an array {wanted}; got {', '.join(arrays) or 'none'}. Name one of them by --array."
        )
    return arrays[wanted]


def write_points(path: Path, points: FloatArray, name: str) -> None:
    """Write points as npy, or under `name` where the path ends in .npz; all of it or nothing."""
    buffer = io.BytesIO()
    if path.suffix == ".npz":
        np.savez(buffer, **{name: points})  # type: ignore[arg-type]
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


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """Return what an npy or npz file holds; pickles are refused."""
    if path.is_dir():
        raise FormatError(f"{path}: expected an .npz or .npy file; got a directory. Pass the file itself.")
    try:
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return {path.stem: loaded}
            return {name: loaded[name] for name in loaded.files}
    except (ValueError, EOFError, NotImplementedError, zipfile.BadZipFile) as error:
        raise FormatError(
            f"{path}: expected an .npz or .npy file of plain arrays; got another, or a part of one. Write it by "
            "numpy.save or numpy.savez, without objects."
        ) from error
