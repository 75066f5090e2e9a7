"""The potential of a velocity: the stream function in the plane, a vector potential of two components in space.

In space ``u = curl A`` and a mean. Waves that depend on `z` have ``A_x`` and ``A_y`` only, the velocity's integrals
along `z`. Others have no such integrals: they are the curl of ``A_z(x, y)``, and of the ``A_x`` and ``A_y`` of least
norm.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eulerot._types import FloatArray
from eulerot.euler.grid import Grid

__all__ = ["potential", "potential_transposed"]


def potential(carrier: np.ndarray, grid: Grid) -> list[np.ndarray]:
    """Return the coefficients of the components of the potential in phases.

    Parameters
    ----------
    carrier : ndarray, shape (..., *grid.shape_hat) or (..., 3, *grid.shape_hat)
        Kept coefficients of the stream function, or of the velocity.
    grid : Grid
        Domain and truncation.

    Returns
    -------
    list of ndarray
        In space ``A_x, A_y``, shape ``(..., *grid.shape_hat)``, and ``A_z`` without the last axis.
    """
    if grid.dim == 2:
        return [carrier * _phase_factors(grid)[0]]
    (k, l, _), (along, plane) = grid.wavenumbers, _integrals(grid)
    u, v, w = np.moveaxis(carrier, -4, 0)
    components = along * v - plane * l * w, plane * k * w - along * u, (plane * (l * u - k * v))[..., 0]
    modes = grid.modes[1] + 1
    *of_space, of_plane = (factor * each for factor, each in zip(_phase_factors(grid), components, strict=True))
    return [*of_space, of_plane if grid.walls else of_plane[..., :modes]]  # the coefficients of a real function


def potential_transposed(components: Sequence[np.ndarray], drift: FloatArray, grid: Grid) -> np.ndarray:
    """Return the carrier that represents derivatives by the potential and the mean velocity of phases.

    Those by the potential are represented themselves, in the product ``mean(a b)``. The transpose of `potential`.
    """
    scaled = [factor * each for factor, each in zip(_phase_factors(grid), components, strict=True)]
    if grid.dim == 2:
        return scaled[0]
    (k, l, m), (along, plane) = grid.wavenumbers, (np.conj(each) for each in _integrals(grid))
    a, b, c = scaled
    c = (c if grid.walls else _whole(c))[..., None]  # is where m = 0
    velocity = np.stack([plane * l * c - along * b, along * a - plane * k * c, plane * (k * b - l * a)], axis=-4)
    u, v, w = np.moveaxis(velocity, -4, 0)
    pressure = grid.inverse_laplacian * (k * u + l * v + m * w)
    velocity -= np.stack([k * pressure, l * pressure, m * pressure], axis=-4)  # of the gradient no derivative is asked
    if not grid.walls:
        velocity[..., 0, 0, 0] += drift * grid.scales
    return velocity


def _phase_factors(grid: Grid) -> FloatArray:
    """Return the factors that turn the components of a potential of positions into those of phases."""
    return np.prod(grid.scales, keepdims=True) if grid.dim == 2 else np.prod(grid.scales) / grid.scales


def _integrals(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Return the symbols of the integral along `z`, and of that of the Laplacian where nothing depends on `z`."""
    m, unit = grid.wavenumbers[2], 1.0 if grid.walls else -1j
    along = np.divide(unit, m, out=np.zeros(m.shape, type(unit)), where=m != 0)
    return along, unit * grid.inverse_laplacian * (m == 0)


def _whole(half: np.ndarray) -> np.ndarray:
    """Return all coefficients of a real function in the plane, given those of which the last mode is not negative."""
    below = np.conj(half[..., :0:-1])
    return np.concatenate([half, np.roll(below[..., ::-1, :], 1, axis=-2)], axis=-1)
