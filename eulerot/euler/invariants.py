"""What the Euler equations conserve, from the kept coefficients of the vorticity."""

from __future__ import annotations

import numpy as np

from eulerot.euler.grid import Grid

__all__ = ["energy", "enstrophy", "palinstrophy"]


def _half_mean_square(field_hat: np.ndarray, symbol: np.ndarray | float, grid: Grid) -> float:
    return 0.5 * float(np.sum(grid.weights * symbol * np.abs(field_hat) ** 2))


def energy(vorticity: np.ndarray, grid: Grid) -> float:
    """Return the kinetic energy ``1/2 mean |u|^2``.

    Examples
    --------
    >>> grid = Grid((12, 12), "cube")
    >>> vorticity = np.zeros(grid.shape_hat)
    >>> vorticity[0, 0] = 2.0  # psi = sin x sin y
    >>> energy(vorticity, grid), enstrophy(vorticity, grid)
    (0.25, 0.5)
    """
    return _half_mean_square(vorticity, grid.inverse_laplacian, grid)


def enstrophy(vorticity: np.ndarray, grid: Grid) -> float:
    """Return the enstrophy ``1/2 mean omega^2``."""
    return _half_mean_square(vorticity, 1.0, grid)


def palinstrophy(vorticity: np.ndarray, grid: Grid) -> float:
    """Return the palinstrophy ``1/2 mean |grad omega|^2``, the regularisation ``R`` of DESIGN equation (12)."""
    return _half_mean_square(vorticity, grid.laplacian, grid)
