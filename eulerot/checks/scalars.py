"""What counts, numbers, seeds, choices and paths must be."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Sequence
from decimal import Decimal
from numbers import Integral, Real
from pathlib import Path

import numpy as np

from eulerot._types import Seed

__all__ = [
    "checked_choice",
    "checked_count",
    "checked_file",
    "checked_generator",
    "checked_number",
    "checked_path",
    "checked_threads",
    "shown",
]


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
        raise ValueError(f"{name}: expected {expected}; got {shown(value)}.{' ' * bool(advice)}{advice}")
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
    """Return a finite number for which `holds` is true, which `expected` says in words.

    Examples
    --------
    >>> checked_number("held_out", 2, "a share between 0 and 1", lambda share: 0 < share < 1)
    Traceback (most recent call last):
    ...
    ValueError: held_out: expected a share between 0 and 1; got 2.
    """
    number = _number(value)
    try:
        if number is not None and math.isfinite(number) and holds(float(number)):
            return float(number)
    except OverflowError:  # a whole number beyond all floats
        pass
    raise ValueError(f"{name}: expected {expected}; got {shown(value)}.")


def checked_generator(name: str, seed: Seed) -> np.random.Generator:
    """Return the random generator of a seed.

    Examples
    --------
    >>> checked_generator("seed", "one")
    Traceback (most recent call last):
    ...
    ValueError: seed: expected what numpy.random.default_rng takes, such as a whole number or None; got 'one'.
    """
    try:
        return np.random.default_rng(seed)
    except (TypeError, ValueError):
        raise ValueError(
            f"{name}: expected what numpy.random.default_rng takes, such as a whole number or None; got {shown(seed)}."
        ) from None


def checked_choice(name: str, value: object, allowed: Sequence[str]) -> str:
    """Return one of the words that are allowed.

    Examples
    --------
    >>> checked_choice("domain", "sphere", ("cube", "torus"))
    Traceback (most recent call last):
    ...
    ValueError: domain: expected 'cube' or 'torus'; got 'sphere'. Choose one of them.
    """
    if not (isinstance(value, str) and value in allowed):
        expected = " or ".join(map(repr, allowed))
        raise ValueError(f"{name}: expected {expected}; got {shown(value)}. Choose one of them.")
    return value


def checked_path(name: str, value: object) -> Path:
    """Return a path in which ``~`` is the user's home.

    Examples
    --------
    >>> checked_path("path", "~/map.npz") == Path.home() / "map.npz"
    True
    """
    if not isinstance(value, str | os.PathLike) or "\0" in os.fsdecode(value):
        raise ValueError(f"{name}: expected the path of a file; got {shown(value)}.")
    return Path(os.path.expanduser(os.fsdecode(value)))


def checked_file(name: str, value: object) -> Path:
    """Return the path of a file, which may be there or not, in a folder that is there."""
    path = checked_path(name, value)
    if os.path.isdir(path) or not os.path.isdir(path.absolute().parent):
        raise ValueError(f"{name}: expected a file in a folder that exists; got {str(path)!r}. Make its folder first.")
    return path


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


def shown(value: object) -> str:
    """Return what an error shows of a value that was not expected, on one line and not too long."""
    try:
        text = " ".join(repr(value).split())
    except ValueError:  # Python writes no whole number of more than 4300 digits
        text = "a very large number"
    return text if len(text) <= 120 else f"{text[:117]}..."
