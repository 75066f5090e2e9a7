"""Kept coefficients in other arrays: those of a finer grid, and the full spectrum of complex exponentials."""

from __future__ import annotations

import numpy as np

from eulerot.euler.grid import Grid
from eulerot.euler.transforms.layout import Parity

__all__ = ["embedded", "full_spectrum", "restricted"]


def embedded(field_hat: np.ndarray, grid: Grid, finer: Grid) -> np.ndarray:
    """Return the kept coefficients on a finer grid of a field that is given by those on `grid`; leading axes are kept.

    Examples
    --------
    >>> grid, finer = Grid((6, 6), "cube"), Grid((12, 12), "cube")
    >>> embedded(np.ones(grid.shape_hat), grid, finer).sum() == grid.zeros_hat().size
    np.True_
    """
    finer_hat = finer.zeros_hat(*field_hat.shape[: -grid.dim])
    finer_hat[_places(grid, finer)] = field_hat
    return finer_hat


def restricted(field_hat: np.ndarray, grid: Grid, coarser: Grid) -> np.ndarray:
    """Return the coefficients that a coarser grid keeps: the transpose of `embedded`."""
    return np.ascontiguousarray(field_hat[_places(coarser, grid)])


def _places(grid: Grid, finer: Grid) -> tuple:
    """Return where the modes of a grid stand among those of a finer one, as an index of the last axes."""
    if grid.walls:
        return (..., *(slice(n) for n in grid.shape_hat))
    return (..., *np.ix_(*(k.astype(int) % n for k, n in zip(grid.axis_modes, finer.shape_hat, strict=True))))


def full_spectrum(field_hat: np.ndarray, grid: Grid, parity: Parity) -> np.ndarray:
    """Return the coefficients of ``exp(i k . x)`` of a field, in the order ``0 .. K, -K .. -1`` on every axis.

    Examples
    --------
    >>> grid = Grid((6, 6), "cube")
    >>> field_hat = np.zeros(grid.shape_hat)
    >>> field_hat[0, 0] = 1.0  # sin x cos y
    >>> full_spectrum(field_hat, grid, ("sin", "cos"))[1, 1]
    np.complex128(-0.25j)
    """
    if not grid.walls:
        mirrored = np.conj(field_hat[..., :0:-1])
        for axis in range(grid.dim - 1):
            mirrored = np.roll(np.flip(mirrored, axis), 1, axis)  # k to -k
        return np.concatenate([field_hat, mirrored], axis=-1)
    full: np.ndarray = field_hat
    for axis, (kept, last, name) in enumerate(zip(grid.axis_modes, grid.modes, parity, strict=True)):
        k = np.r_[0 : last + 1, -last:0]
        factor = -0.5j * np.sign(k) if name == "sin" else np.where(k == 0, 1.0, 0.5)
        factor = np.where(np.abs(k) < kept[0], 0.0, factor)
        shape = [-1 if i == axis else 1 for i in range(grid.dim)]
        full = np.take(full, np.maximum(np.abs(k) - int(kept[0]), 0), axis) * factor.reshape(shape)
    return full
