"""Exceptions, the one warning, and the checks of array arguments that every public function shares."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from eulerot._types import FloatArray

__all__ = [
    "FlowError",
    "FormatError",
    "ResolutionError",
    "SampleWarning",
    "SourceError",
    "checked_pairs",
    "checked_samples",
]


class SourceError(ValueError):
    """Latents that are not distributed as the source they claim to be."""


class FlowError(ValueError):
    """A flow whose forward map, inverse map and ``log_prob`` contradict each other."""


class ResolutionError(ValueError):
    """A step or a truncation that is too coarse for the field."""


class FormatError(ValueError):
    """A file that is not a complete, unaltered and readable eulerot file."""


class SampleWarning(UserWarning):
    """Samples that can be worked with, but should be trusted less: clipped, few, repeated or heavy-tailed ones."""


def checked_samples(name: str, value: ArrayLike, *, dim: int | None = None) -> FloatArray:
    """Return `value` as a finite float64 array of shape ``(n, d)``, or say what is wrong with it.

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
    raw = np.asarray(value)
    if raw.dtype.kind not in "fiub":
        raise ValueError(f"{name}: expected real numbers; got dtype {raw.dtype}. Pass a float array.")
    samples = np.ascontiguousarray(raw, dtype=np.float64)
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
    """Return two sample arrays of one common shape, or say how they differ.

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
