"""What arguments must be: arrays, samples, counts, numbers, choices and paths, checked in one place.

Every function returns its argument in the form in which the package uses it, or raises a `ValueError` that names the
argument, what was expected, what was got, and what to do.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from eulerot._types import FloatArray

__all__ = [
    "DOMAINS",
    "checked_array",
    "checked_choice",
    "checked_count",
    "checked_file",
    "checked_number",
    "checked_pairs",
    "checked_rotation",
    "checked_samples",
]

# The box of normal latents, and the torus of angles
DOMAINS = ("cube", "torus")


def checked_array(name: str, value: ArrayLike) -> FloatArray:
    """Return `value` as a float64 array of its own shape.

    Raises
    ------
    ValueError
        If it does not hold real numbers.

    Examples
    --------
    >>> checked_array("field0", [[1, 2]])
    array([[1., 2.]])
    """
    raw = np.asarray(value)
    if raw.dtype.kind not in "fiub":
        raise ValueError(f"{name}: expected real numbers; got dtype {raw.dtype}. Pass a float array.")
    return np.ascontiguousarray(raw, dtype=np.float64).reshape(raw.shape)


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
    whole = _is_number(value) and float(value).is_integer()  # type: ignore[arg-type]
    if not whole or value < least:  # type: ignore[operator]
        expected = "a positive whole number" if least == 1 else f"a whole number of at least {least}"
        raise ValueError(f"{name}: expected {expected}; got {value!r}.{' ' * bool(advice)}{advice}")
    return int(value)  # type: ignore[call-overload]


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
    if not (_is_number(value) and holds(float(value))):  # type: ignore[arg-type]
        raise ValueError(f"{name}: expected {expected}; got {value!r}.")
    return float(value)  # type: ignore[arg-type]


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
        raise ValueError(f"{name}: expected {' or '.join(map(repr, allowed))}; got {value!r}. Choose one of them.")
    return value


def checked_rotation(name: str, value: ArrayLike) -> FloatArray:
    """Return an orthogonal matrix, or say that it is not one.

    Examples
    --------
    >>> checked_rotation("axes", [[0.0, -1.0], [1.0, 0.0]])
    array([[ 0., -1.],
           [ 1.,  0.]])
    """
    matrix = np.array(value, dtype=float)
    if matrix.ndim != 2 or not np.allclose(matrix @ matrix.T, np.eye(len(matrix)), atol=1e-10):
        raise ValueError(f"{name}: expected an orthogonal matrix, R R^T = I; got one that is not.")
    return matrix


def checked_file(name: str, value: object) -> Path:
    """Return the path of a file, which may be there or not, in a folder that is there."""
    try:
        path = Path(value)  # type: ignore[arg-type]
    except TypeError:
        raise ValueError(f"{name}: expected the path of a file, or None; got {value!r}.") from None
    if "\0" in str(path) or os.path.isdir(path) or not os.path.isdir(path.absolute().parent):
        raise ValueError(f"{name}: expected a file in a folder that exists; got {str(path)!r}. Make its folder first.")
    return path


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
