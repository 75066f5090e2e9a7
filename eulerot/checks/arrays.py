"""What arrays, samples, pairs, times and rotations must be."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from eulerot._types import FloatArray
from eulerot.checks.scalars import shown

__all__ = ["check_unmasked", "checked_array", "checked_pairs", "checked_rotation", "checked_samples", "checked_times"]


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
    finite = np.isfinite(samples)
    if not finite.all():
        bad = ~finite.all(axis=1)
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
        raise ValueError(f"{name}: expected ascending values in [0, 1]; got {shown(value)}.")
    return times


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
