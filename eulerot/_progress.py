"""The bar that shows how far a computation has come: one style for all of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tqdm import tqdm

__all__ = ["progress_of"]


def progress_of(steps: Iterable[Any] | None, doing: str, unit: str, *, total: int | None = None, shown: bool) -> tqdm:
    """Return steps that show a bar on the standard error as they are taken, or a bar that is told of each.

    Parameters
    ----------
    steps : iterable or None
        What is done; with None the caller tells the bar by its `update`.
    doing : str
        What is being done, such as ``"fitting"``.
    unit : str
        What is counted, in the plural.
    total : int, optional
        How many there will be, if that is known and `steps` does not say.
    shown : bool
        Whether to show anything.

    Examples
    --------
    >>> list(progress_of([1, 2], "counting", "numbers", shown=False))
    [1, 2]
    """
    return tqdm(steps, desc=doing, unit=f" {unit}", total=total, disable=not shown, dynamic_ncols=True)
