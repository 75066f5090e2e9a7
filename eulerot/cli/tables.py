"""Named arrays in files of every kind that the commands read and write: NPZ, NPY, CSV and Parquet, by suffix."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from eulerot._extras import check_installed
from eulerot._types import FloatArray
from eulerot.checks import checked_pairs
from eulerot.errors import FormatError
from eulerot.files import write_atomically

__all__ = ["checked_output", "read_pairs", "read_points", "write_pairs", "write_points"]

# Which files are known, by suffix; without one they are npy
_SUFFIXES = (".npy", ".npz", ".csv", ".parquet", "")


def read_pairs(path: Path) -> tuple[FloatArray, FloatArray]:
    """Return latents ``z`` and data ``x`` of a file.

    These are the arrays of these names of an npz file; the columns z0, z1, ... and x0, x1, ... of a csv or parquet
    file; or the two halves of the first axis of an npy file, shape (2, n, d).

    Raises
    ------
    FormatError
        If the file is none of these, or lacks one of them.
    ValueError
        If they are not pairs.
    """
    arrays = _arrays(path)
    if len(arrays) == 1 and (stacked := next(iter(arrays.values()))).ndim == 3 and len(stacked) == 2:
        arrays = dict(zip("zx", stacked, strict=True))
    missing = [name for name in ("z", "x") if name not in arrays]
    if missing:
        raise FormatError(
            f"{path}: expected arrays z and x; {' and '.join(missing)} missing among {', '.join(arrays) or 'none'}. "
            "Write it by numpy.savez(path, z=latents, x=data), or name the columns of a table z0, z1, ..., x0, x1, ..."
        )
    return checked_pairs("z", arrays["z"], "x", arrays["x"])


def read_points(path: Path, name: str | None = None, *, usual: str) -> np.ndarray:
    """Return the points of a file: of its arrays the one called `name`, else `usual`, else the only one.

    The columns y0, y1, ... of a csv or parquet file are the array y; of columns that are not all named so, all
    are one array. The first line of a csv file may name them.
    """
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
    if path.suffix.lower() == ".parquet":
        check_installed("pyarrow", extra="parquet", user=str(path))
    return path


def write_points(path: Path, points: FloatArray, name: str) -> None:
    """Write points as the suffix says, all of them or nothing; a csv file gets no line of names."""
    _write(path, {name: points}, points, header="")


def write_pairs(path: Path, z: FloatArray, x: FloatArray) -> None:
    """Write pairs as `read_pairs` takes them, all of them or nothing."""
    arrays = {"z": z, "x": x}
    _write(path, arrays, np.stack([z, x]), header=",".join(_columns(arrays)))


def _write(path: Path, arrays: Mapping[str, FloatArray], whole: FloatArray, *, header: str) -> None:
    buffer, suffix = io.BytesIO(), checked_output(path).suffix.lower()
    if suffix == ".npz":
        np.savez(buffer, **arrays)  # type: ignore[arg-type]
    elif suffix == ".csv":
        rows = np.column_stack(list(arrays.values()))
        np.savetxt(buffer, rows, fmt="%.17g", delimiter=",", header=header, comments="")  # 17 digits are all of them
    elif suffix == ".parquet":
        import pyarrow
        import pyarrow.parquet

        pyarrow.parquet.write_table(pyarrow.table(_columns(arrays)), buffer)
    else:
        np.save(buffer, whole)
    write_atomically(path, buffer.getvalue())


def _columns(arrays: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return the columns of arrays, each named by its array and its number."""
    return {f"{name}{i}": column for name, rows in arrays.items() for i, column in enumerate(rows.T)}


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """Return what a file holds, by name."""
    suffix, data = path.suffix.lower(), _contents(path)
    if suffix == ".csv":
        return _grouped(path, *_csv(path, data))
    if suffix == ".parquet":
        return _grouped(path, *_parquet(path, data))
    return _numpy(path, data)


def _grouped(path: Path, names: list[str], rows: FloatArray) -> dict[str, np.ndarray]:
    """Return the arrays whose columns are named by a word and a number; all columns as one if some are not."""
    parts = [re.fullmatch(r"(.*[^\d_])_?(\d+)", name) for name in names]
    if not names or not all(parts):
        return {path.stem: rows}
    places: dict[str, list[tuple[int, int]]] = {}
    for column, part in enumerate(parts):
        assert part is not None
        places.setdefault(part[1], []).append((int(part[2]), column))
    return {name: rows[:, [column for _, column in sorted(numbered)]] for name, numbered in places.items()}


def _csv(path: Path, data: bytes) -> tuple[list[str], FloatArray]:
    """Return the names, if there are any in the first line, and the numbers of a csv file, one point a line."""
    lines = data.decode("utf-8-sig", errors="replace").splitlines()
    rows = [line.split(",") for line in lines if line.strip()]
    named = bool(rows) and not any(map(_is_number, rows[0]))
    names = [name.strip().strip('"') for name in rows.pop(0)] if named else []
    for number, row in enumerate(rows):
        if len(row) != len(rows[0]) or not all(map(_is_number, row)):
            raise FormatError(
                f"{path}: expected {len(rows[0])} numbers a line, with commas between them; got {','.join(row)[:60]!r} "
                f"in row {number}. Mend that line."
            )
    values = np.array(rows, dtype=np.float64)
    return names if len(names) == values.shape[-1] else [], values


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _parquet(path: Path, data: bytes) -> tuple[list[str], FloatArray]:
    """Return the names and the numbers of the columns of a parquet file."""
    check_installed("pyarrow", extra="parquet", user=str(path))
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(io.BytesIO(data))
        columns = [np.asarray(column.to_numpy(), dtype=np.float64) for column in table.columns]
    except (pyarrow.ArrowException, TypeError, ValueError) as error:
        raise FormatError(
            f"{path}: expected a parquet file whose columns are numbers; got another, or a part of one. Write it by "
            "pandas or pyarrow, without columns of text."
        ) from error
    return list(table.column_names), np.column_stack(columns) if columns else np.zeros((0, 0))


def _numpy(path: Path, data: bytes) -> dict[str, np.ndarray]:
    """Return what an npy or npz file holds; pickles are refused."""
    try:
        loaded = np.load(io.BytesIO(data), allow_pickle=False)
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
