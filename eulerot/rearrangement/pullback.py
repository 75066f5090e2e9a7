"""Transposed Jacobians of sweeps, one after another, times covectors: derivatives by latents of what comes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eulerot._types import FloatArray
from eulerot.rearrangement.conditional import ConditionalSweep
from eulerot.rearrangement.sweep import Sweep

__all__ = ["pulled_through"]

# Rows whose Jacobians, of all sweeps, are in memory together
_ROWS = 2**16


def pulled_through(
    sweeps: Sequence[Sweep | ConditionalSweep], latents: FloatArray, covectors: FloatArray, *, backward: bool = False
) -> FloatArray:
    """Return ``DS(z)^T c`` for sweeps ``S``, or if `backward` for their inverse, shape ``(n, d)``.

    Parameters
    ----------
    sweeps : sequence of Sweep or ConditionalSweep
        The sweeps, in the order in which the map takes them.
    latents : ndarray, shape (n, d)
        Where the map, or its inverse, begins.
    covectors : ndarray, shape (n, d)
        Derivatives of an objective by where it ends.
    backward : bool
        Whether to go through the sweeps backwards in time.

    Examples
    --------
    >>> pulled_through((), np.zeros((1, 2)), np.ones((1, 2)))
    array([[1., 1.]])
    """
    starts = range(0, len(latents), _ROWS)
    blocks = [(latents[i : i + _ROWS], covectors[i : i + _ROWS]) for i in starts]
    return np.concatenate([_block(sweeps, *block, backward) for block in blocks])


def _block(
    sweeps: Sequence[Sweep | ConditionalSweep], latents: FloatArray, covectors: FloatArray, backward: bool
) -> FloatArray:
    taken = sweeps[::-1] if backward else sweeps
    jacobians: list[Any] = []  # each sweep has a kind of its own
    for sweep in taken:
        latents, found = sweep.linearised(latents, backward=backward)
        jacobians.append(found)
    for sweep in reversed(taken):
        covectors = sweep.pulled(covectors, jacobians.pop())
    return covectors
