"""What the Euler equations conserve, and how energy is spread over scales, from kept coefficients.

A field is the vorticity in two dimensions and the velocity, three components, in three. Sums are formed for each column
of coefficients, a place along their second axis, and then over all columns, those of other processes included, in one
order: so they do not depend on who has which.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from eulerot._types import FloatArray
from eulerot.euler.equations._kernels import velocity_sums, vorticity_sums
from eulerot.euler.grid import Grid

__all__ = ["Invariants", "energy", "enstrophy", "helicity", "measured", "palinstrophy", "spectrum", "tail"]

# The outermost share of the kept modes, by whose enstrophy an under-resolved field is known
_TAIL_FROM = 0.9


class Invariants(NamedTuple):
    """What one pass over the coefficients of a field tells.

    Attributes
    ----------
    energy, enstrophy, palinstrophy : float
        ``1/2 mean |u|^2``, ``1/2 mean |omega|^2`` and ``1/2 mean |grad omega|^2``.
    tail : float
        The share of the enstrophy in the outermost tenth of the kept modes of any axis.
    helicity : float
        ``mean u . omega`` on the torus in space; elsewhere it means nothing.
    """

    energy: float
    enstrophy: float
    palinstrophy: float
    tail: float
    helicity: float


def measured(field: np.ndarray, grid: Grid) -> Invariants:
    """Return the invariants of a field that are sums over its coefficients.

    Examples
    --------
    >>> grid = Grid((12, 12), "cube")
    >>> vorticity = np.zeros(grid.shape_hat)
    >>> vorticity[0, 0] = 2.0  # psi = sin x sin y
    >>> measured(vorticity, grid)
    Invariants(energy=0.25, enstrophy=0.5, palinstrophy=1.0, tail=0.0, helicity=0.0)
    """
    sums, (wavenumbers, weights) = np.zeros((5, grid.shape_hat[1])), _along_axes(grid)
    if grid.dim == 2:
        vorticity_sums(field, grid.inverse_laplacian, *wavenumbers, *weights, sums)
    else:
        velocity_sums(field, *wavenumbers, *weights, sums)
    *halves, helicity = np.sum(grid.ranks.joined(sums, 1), axis=1).tolist()
    energy, enstrophy, palinstrophy, outside = (0.5 * each for each in halves)
    return Invariants(energy, enstrophy, palinstrophy, outside / enstrophy if enstrophy > 0 else 0.0, helicity)


@lru_cache(maxsize=32)
def _along_axes(grid: Grid) -> tuple[list[FloatArray], list[FloatArray]]:
    """Return the wavenumbers along each axis, and Parseval's weights and ones for the outermost modes along each."""
    reach = [np.abs(k) / last for k, last in zip(grid.axis_modes, grid.modes, strict=True)]
    outer = [np.where(each > _TAIL_FROM, 1.0, 0.0) for each in reach]
    return [np.ascontiguousarray(k.ravel()) for k in grid.wavenumbers], [*grid.axis_weights, *outer]


def energy(field: np.ndarray, grid: Grid) -> float:
    """Return the kinetic energy ``1/2 mean |u|^2``."""
    return measured(field, grid).energy


def enstrophy(field: np.ndarray, grid: Grid) -> float:
    """Return the enstrophy ``1/2 mean |omega|^2``; of a velocity, that of its divergence-free part."""
    return measured(field, grid).enstrophy


def palinstrophy(field: np.ndarray, grid: Grid) -> float:
    """Return the palinstrophy ``1/2 mean |grad omega|^2``, the regularisation ``R`` of equation (12)."""
    return measured(field, grid).palinstrophy


def helicity(velocity: np.ndarray, grid: Grid) -> float:
    """Return the helicity ``mean u . omega`` of a velocity on the torus; walls would not conserve it.

    Examples
    --------
    >>> grid = Grid((8, 8, 8))
    >>> velocity = np.zeros((3, *grid.shape_hat), complex)
    >>> velocity[0, 0, 0, 1], velocity[1, 0, 0, 1] = -0.5j, 0.5  # (sin z, cos z, 0), whose curl it is itself
    >>> helicity(velocity, grid), 2 * energy(velocity, grid)
    (1.0, 1.0)
    """
    return measured(velocity, grid).helicity


def tail(field: np.ndarray, grid: Grid) -> float:
    """Return the share of the enstrophy in the outermost tenth of the kept modes of any axis."""
    return measured(field, grid).tail


def spectrum(field: np.ndarray, grid: Grid) -> tuple[FloatArray, FloatArray]:
    """Return wavenumbers and the energy in the shell around each, whose sum is the energy.

    Shells are as wide as the smallest wavenumber of the domain.

    Examples
    --------
    >>> grid = Grid((12, 12), "cube")
    >>> vorticity = np.zeros(grid.shape_hat)
    >>> vorticity[2, 3] = 5.0  # wavenumber (3, 4)
    >>> wavenumbers, shells = spectrum(vorticity, grid)
    >>> float(wavenumbers[np.argmax(shells)]), bool(np.isclose(shells.sum(), energy(vorticity, grid)))
    (5.0, True)
    """
    width = float(np.min(grid.scales))
    shell = np.rint(np.sqrt(grid.laplacian) / width).astype(int)
    squares = np.sum(np.abs(field if grid.dim == 3 else field[None]) ** 2, axis=0)
    symbol = grid.weights * (grid.inverse_laplacian if grid.dim == 2 else 1.0)
    energies = np.bincount(shell.ravel(), weights=(0.5 * symbol * squares).ravel())
    return width * np.arange(float(len(energies))), np.asarray(energies, dtype=np.float64)
