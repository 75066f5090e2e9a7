"""What the Euler equations conserve, and how energy is spread over scales, from kept coefficients.

A field is the vorticity in two dimensions and the velocity, three components, in three. Sums are formed for each column
of coefficients, a place along their second axis, and then over all columns, those of other processes included, in one
order: so they do not depend on who has which.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from eulerot._types import FloatArray
from eulerot.euler.equations._kernels import weighted_product_sums
from eulerot.euler.equations.velocity import curl
from eulerot.euler.grid import Grid

__all__ = ["energy", "enstrophy", "helicity", "palinstrophy", "spectrum", "tail"]

# The outermost share of the kept modes, by whose enstrophy an under-resolved field is known
_TAIL_FROM = 0.9


@lru_cache(maxsize=32)
def _symbol(grid: Grid, name: str) -> FloatArray:
    """Return the weights of ``|field_hat|^2`` in one of the sums below."""
    powers = {"energy": -1, "enstrophy": 0, "palinstrophy": 1}
    if name == "tail":
        reach = [np.abs(k) / last for k, last in zip(np.ix_(*grid.axis_modes), grid.modes, strict=True)]
        outer = np.maximum.reduce(np.broadcast_arrays(*reach)) > _TAIL_FROM
        return outer * _symbol(grid, "enstrophy")
    power = powers[name] + (1 if grid.dim == 3 else 0)  # of a velocity, not of a vorticity
    ones = np.ones(grid.shape_hat)
    factor = {-1: grid.inverse_laplacian, 0: ones, 1: grid.laplacian, 2: grid.laplacian**2}[power]
    return np.ascontiguousarray(grid.weights * factor)


def _half_mean_square(field: np.ndarray, grid: Grid, name: str) -> float:
    sums, weights = np.zeros(grid.shape_hat[1]), _symbol(grid, name)
    for each in field if grid.dim == 3 else field[None]:
        weighted_product_sums(_spatial(each), _spatial(each), _spatial(weights), sums)
    return 0.5 * _total(sums, grid)


def _spatial(array: np.ndarray) -> np.ndarray:
    """Return an array with three axes, the last of length one in the plane."""
    return array.reshape((*array.shape, 1)[:3])


def _total(sums: FloatArray, grid: Grid) -> float:
    """Return the sum over all columns."""
    return float(np.sum(grid.ranks.joined(sums)))


def energy(field: np.ndarray, grid: Grid) -> float:
    """Return the kinetic energy ``1/2 mean |u|^2``.

    Examples
    --------
    >>> grid = Grid((12, 12), "cube")
    >>> vorticity = np.zeros(grid.shape_hat)
    >>> vorticity[0, 0] = 2.0  # psi = sin x sin y
    >>> energy(vorticity, grid), enstrophy(vorticity, grid)
    (0.25, 0.5)
    """
    return _half_mean_square(field, grid, "energy")


def enstrophy(field: np.ndarray, grid: Grid) -> float:
    """Return the enstrophy ``1/2 mean |omega|^2``; of a velocity, that of its divergence-free part."""
    return _half_mean_square(field, grid, "enstrophy")


def palinstrophy(field: np.ndarray, grid: Grid) -> float:
    """Return the palinstrophy ``1/2 mean |grad omega|^2``, the regularisation ``R`` of equation (12)."""
    return _half_mean_square(field, grid, "palinstrophy")


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
    sums = np.zeros(grid.shape_hat[1])
    for component, vorticity in zip(velocity, curl(velocity, grid), strict=True):
        weighted_product_sums(component, vorticity, grid.weights, sums)
    return _total(sums, grid)


def tail(field: np.ndarray, grid: Grid) -> float:
    """Return the share of the enstrophy in the outermost tenth of the kept modes of any axis."""
    total = _half_mean_square(field, grid, "enstrophy")
    return _half_mean_square(field, grid, "tail") / total if total > 0 else 0.0


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
    energies = np.bincount(shell.ravel(), weights=(0.5 * _symbol(grid, "energy") * squares).ravel())
    return width * np.arange(float(len(energies))), np.asarray(energies, dtype=np.float64)
