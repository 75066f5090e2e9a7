"""What arguments must be: arrays, samples, counts, numbers, choices and paths, checked in one place.

Every function returns its argument in the form in which the package uses it, or raises a `ValueError` that names the
argument, what was expected, what was got, and what to do.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from decimal import Decimal
from numbers import Integral, Real
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from eulerot._types import FloatArray

__all__ = [
    "DOMAINS",
    "check_unmasked",
    "checked_array",
    "checked_choice",
    "checked_count",
    "checked_file",
    "checked_number",
    "checked_pairs",
    "checked_path",
    "checked_rotation",
    "checked_samples",
    "checked_threads",
    "checked_times",
]

# The box of normal latents, and the torus of angles
DOMAINS = ("cube", "torus")


def checked_array(name: str, value: ArrayLike) -> FloatArray:
    """Return `value` as a float64 array of its own shape; masks are refused where they hide anything.

    Raises
    ------
    ValueError
        If it does not hold real numbers, or if entries are masked.

    Examples
    --------
    >>> checked_array("field0", [[1, 2]])
    array([[1., 2.]])
    >>> checked_array("x", np.ma.masked_greater([[1.0], [9.0]], 5.0))
    Traceback (most recent call last):
    ...
    ValueError: x: expected no masked entries; got 1, the first in row 1. Drop those rows, or fill them.
    """
    check_unmasked(name, value)
    try:
        raw = np.asarray(value)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"{name}: expected an array of real numbers; got none ({error}).") from None
    if raw.dtype.kind not in "fiub":
        raise ValueError(f"{name}: expected real numbers; got dtype {raw.dtype}. Pass a float array.")
    return np.ascontiguousarray(raw, dtype=np.float64).reshape(raw.shape)


def check_unmasked(name: str, value: object) -> None:
    """Raise an error if `value` is an array, or a sequence of arrays, of which entries are masked."""
    masked = _masked_by_row(value)
    if any(masked):
        first = next(row for row, count in enumerate(masked) if count)
        raise ValueError(
            f"{name}: expected no masked entries; got {sum(masked)}, the first in row {first}. Drop those rows, or "
            "fill them."
        )


def checked_samples(name: str, value: ArrayLike, *, dim: int | None = None) -> FloatArray:
    """Return `value` as a finite float64 array of shape ``(n, d)``, one sample a row.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    value : array_like, shape (n, d)
        Samples, one a row.
    dim : int, optional
        The number of columns that is expected.

    Raises
    ------
    ValueError
        If `value` is not numeric, not two-dimensional, empty, of another dimension, or not finite.

    Examples
    --------
    >>> checked_samples("z", [[0, 1]])
    array([[0., 1.]])
    >>> checked_samples("z", [0.0, 1.0])
    Traceback (most recent call last):
    ...
    ValueError: z: expected samples as rows, shape (n, d); got shape (2,). Reshape to one sample a row.
    """
    samples = checked_array(name, value)
    if samples.ndim != 2 or samples.shape[1] == 0:
        raise ValueError(
            f"{name}: expected samples as rows, shape (n, d); got shape {samples.shape}. Reshape to one sample a row."
        )
    if len(samples) == 0:
        raise ValueError(f"{name}: expected at least one sample; got none. Pass at least one row.")
    if dim is not None and samples.shape[1] != dim:
        raise ValueError(
            f"{name}: expected samples of dimension {dim}; got {samples.shape[1]} columns. Pass an (n, {dim}) array."
        )
    bad = ~np.isfinite(samples).all(axis=1)
    if bad.any():
        raise ValueError(
            f"{name}: expected finite values; got {bad.sum()} rows of {len(samples)} with NaN or infinity, the first "
            f"of them row {int(np.argmax(bad))}. Drop or mend those rows."
        )
    return samples


def checked_pairs(first: str, a: ArrayLike, second: str, b: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return two sample arrays of one common shape.

    Raises
    ------
    ValueError
        If either array fails `checked_samples`, or if the shapes differ.

    Examples
    --------
    >>> a, b = checked_pairs("z", [[0.0]], "x", [[1.0]])
    """
    left, right = checked_samples(first, a), checked_samples(second, b)
    if left.shape != right.shape:
        raise ValueError(
            f"{second}: expected the shape of {first}, {left.shape}; got {right.shape}. "
            f"Row i of {second} must be the image of row i of {first}."
        )
    return left, right


def checked_times(name: str, value: ArrayLike) -> FloatArray:
    """Return ascending shares of a duration, between 0 and 1, shape ``(times,)``.

    Examples
    --------
    >>> checked_times("times", 0.5)
    array([0.5])
    """
    times = np.atleast_1d(checked_array(name, value))
    if times.ndim != 1 or not np.all((times >= 0) & (times <= 1)) or np.any(np.diff(times) < 0):
        raise ValueError(f"{name}: expected ascending values in [0, 1]; got {_shown(value)}.")
    return times


def checked_count(name: str, value: object, *, least: int = 1, advice: str = "") -> int:
    """Return a whole number of at least `least`; truth values and words are none.

    Examples
    --------
    >>> checked_count("steps", np.int64(8))
    8
    >>> checked_count("steps", True)
    Traceback (most recent call last):
    ...
    ValueError: steps: expected a positive whole number; got True.
    """
    number = _number(value)
    if number is None or number % 1 != 0 or not least <= number <= sys.maxsize:
        expected = "a positive whole number" if least == 1 else f"a whole number of at least {least}"
        raise ValueError(f"{name}: expected {expected}; got {_shown(value)}.{' ' * bool(advice)}{advice}")
    return int(number)


def checked_threads(value: object) -> int:
    """Return the number of threads that an optional argument asks for: all processors for None.

    Examples
    --------
    >>> checked_threads(2), checked_threads(None) == os.cpu_count()
    (2, True)
    """
    advice = "None takes all processors."
    return os.cpu_count() or 1 if value is None else checked_count("threads", value, advice=advice)


def checked_number(
    name: str, value: object, expected: str = "a finite number", holds: Callable[[float], bool] = np.isfinite
) -> float:
    """Return a number for which `holds` is true, which `expected` says in words.

    Examples
    --------
    >>> checked_number("held_out", 2, "a share between 0 and 1", lambda share: 0 < share < 1)
    Traceback (most recent call last):
    ...
    ValueError: held_out: expected a share between 0 and 1; got 2.
    """
    number = _number(value)
    try:
        if number is not None and holds(float(number)):
            return float(number)
    except OverflowError:  # a whole number beyond all floats
        pass
    raise ValueError(f"{name}: expected {expected}; got {_shown(value)}.")


def checked_choice(name: str, value: object, allowed: Sequence[str]) -> str:
    """Return one of the words that are allowed.

    Examples
    --------
    >>> checked_choice("domain", "sphere", DOMAINS)
    Traceback (most recent call last):
    ...
    ValueError: domain: expected 'cube' or 'torus'; got 'sphere'. Choose one of them.
    """
    if not (isinstance(value, str) and value in allowed):
        expected = " or ".join(map(repr, allowed))
        raise ValueError(f"{name}: expected {expected}; got {_shown(value)}. Choose one of them.")
    return value


def checked_rotation(name: str, value: ArrayLike) -> FloatArray:
    """Return an orthogonal matrix, or say that it is not one.

    Examples
    --------
    >>> checked_rotation("axes", [[0.0, -1.0], [1.0, 0.0]])
    array([[ 0., -1.],
           [ 1.,  0.]])
    """
    matrix = checked_array(name, value).copy()
    if matrix.ndim != 2 or not np.allclose(matrix @ matrix.T, np.eye(len(matrix)), atol=1e-10):
        raise ValueError(f"{name}: expected an orthogonal matrix, R R^T = I; got one that is not.")
    return matrix


def checked_path(name: str, value: object) -> Path:
    """Return a path in which ``~`` is the user's home.

    Examples
    --------
    >>> checked_path("path", "~/map.npz") == Path.home() / "map.npz"
    True
    """
    if not isinstance(value, str | os.PathLike) or "\0" in os.fsdecode(value):
        raise ValueError(f"{name}: expected the path of a file; got {_shown(value)}.")
    return Path(os.path.expanduser(os.fsdecode(value)))


def checked_file(name: str, value: object) -> Path:
    """Return the path of a file, which may be there or not, in a folder that is there."""
    path = checked_path(name, value)
    if os.path.isdir(path) or not os.path.isdir(path.absolute().parent):
        raise ValueError(f"{name}: expected a file in a folder that exists; got {str(path)!r}. Make its folder first.")
    return path


def _masked_by_row(value: object) -> list[int]:
    """Return the number of masked entries in each row of a masked array, or of a sequence of such rows."""
    if isinstance(value, np.ma.MaskedArray):
        if not np.ma.is_masked(value):
            return []
        mask = np.atleast_1d(np.ma.getmaskarray(value))
        return np.sum(mask.reshape(len(mask), -1), axis=1).tolist()
    if isinstance(value, list | tuple):
        return [sum(_masked_by_row(row)) if isinstance(row, np.ma.MaskedArray) else 0 for row in value]
    return []


def _number(value: object) -> int | float | None:
    """Return what is a real number, in an array without axes too, as one of Python's; None if it is none."""
    if isinstance(value, np.ndarray) and value.ndim == 0 and not np.ma.is_masked(value):
        value = value[()]
    if isinstance(value, bool | np.bool_ | np.timedelta64):
        return None
    if isinstance(value, Integral):
        return int(value)
    try:
        return float(value) if isinstance(value, Real | Decimal) else None
    except (OverflowError, ValueError):  # a fraction beyond all floats, a signalling decimal
        return None


def _shown(value: object) -> str:
    """Return what an error shows of a value that was not expected, on one line and not too long."""
    try:
        text = " ".join(repr(value).split())
    except ValueError:  # Python writes no whole number of more than 4300 digits
        text = "a very large number"
    return text if len(text) <= 120 else f"{text[:117]}..."
