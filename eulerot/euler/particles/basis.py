"""The velocity of a truncated field as sums of products of one-dimensional basis functions; equation (8).

In space ``u_i = sum U_imno b_m(x) b_n(y) b_o(z)``, one series for each component. In the plane both components come
from a stream function ``sum Psi_mn b_m(x) b_n(y)``, with coefficients ``n Psi_mn`` and ``-m Psi_mn``, and with
``b' / k`` for the function that is differentiated. On the torus the ``b`` are ``cos(k x)``, k = 0, 1, ..., and then
``sin(k x)``. In the box they are ``sin((m + 1) x)`` or, for a component of the velocity in space along the axes that
are not its own, ``cos(m x)``. The velocity is exact, so it is tangent to the walls, and divergence-free if its
coefficients are.
"""

from __future__ import annotations

import numpy as np

from eulerot._types import FloatArray
from eulerot.euler.grid import Grid
from eulerot.euler.particles._kernels_basis import TILE

__all__ = ["basis_coefficients", "basis_field"]


def _phase_factors(grid: Grid) -> FloatArray | float:
    """Return the factors that turn an equation's carrier, of positions, into that of phases."""
    return float(np.prod(grid.scales)) if grid.dim == 2 else grid.scales[:, None, None, None]


def _shifted(series: FloatArray, by: int, grid: Grid) -> FloatArray:
    """Return the series of a velocity in the box with the sines moved `by` places along their axes; others as is."""
    if grid.dim == 2:
        return series
    return np.stack([np.roll(series[..., i, :, :, :], by, axis=i - 3) for i in range(3)], axis=-4)


def _padded(series: np.ndarray, axis: int, multiple: int) -> np.ndarray:
    widths = [(0, 0)] * series.ndim
    widths[axis] = (0, -series.shape[axis] % multiple)
    return np.pad(series, widths)


def _part(axis: int, *edges: int | None) -> tuple:
    """Return the index that slices one axis, counted from the end."""
    return (..., slice(*edges), *(slice(None),) * (-axis - 1))


def _components(shape: tuple[int, ...], grid: Grid) -> FloatArray:
    """Return the factors that turn coefficients of a stream function, of this shape, into those of ``u`` and ``v``."""
    first, second = (np.arange(1.0, n + 1) if grid.walls else np.arange(n) % (n / 2) for n in shape)
    return np.stack(np.broadcast_arrays(second, -first[:, None]))


def basis_coefficients(field_hat: np.ndarray, grid: Grid) -> FloatArray:
    """Return the coefficients of each component of the velocity, shape ``(..., d, m, n)`` or ``(..., d, m, n, o)``.

    Parameters
    ----------
    field_hat : ndarray
        Kept coefficients of the stream function, or of the velocity, ``(3, *grid.shape_hat)``; leading axes are kept.
    grid : Grid
        Domain and truncation.
    """
    series = _products(field_hat * _phase_factors(grid), grid)
    return series if grid.dim == 3 else series[..., None, :, :] * _components(series.shape[-2:], grid)


def _products(series: np.ndarray, grid: Grid) -> FloatArray:
    """Return the coefficients in the products of basis functions, zero-padded for the kernels."""
    if grid.walls:
        series = _shifted(series, -1, grid)
        for axis in range(-grid.dim, 0):
            series = _padded(series, axis, TILE)
        return series
    for axis, modes in zip(range(-grid.dim, -1), grid.modes, strict=False):  # e^ikx = cos kx + i sin kx
        above, below = series[_part(axis, 1, modes + 1)], series[_part(axis, None, -modes - 1, -1)]
        zeroth = series[_part(axis, 0, 1)]
        cosines, sines = [zeroth, above + below], [np.zeros_like(zeroth), 1j * (above - below)]
        halves = [_padded(np.concatenate(half, axis), axis, TILE // 2) for half in (cosines, sines)]
        series = np.concatenate(halves, axis)
    series = _padded(series * np.where(np.arange(grid.modes[-1] + 1) == 0, 1.0, 2.0), -1, TILE // 2)
    return np.concatenate([series.real, -series.imag], axis=-1)


def basis_field(derivative: FloatArray, grid: Grid) -> np.ndarray:
    """Return the field that represents a derivative by the coefficients in the inner product ``mean(a b)``.

    The transpose of `basis_coefficients`.
    """
    if grid.dim == 2:
        derivative = np.sum(derivative * _components(derivative.shape[-2:], grid), axis=-3)
    if grid.walls:
        within: tuple = (..., *map(slice, grid.shape_hat))
        kept = derivative[within]
        return _shifted(kept, 1, grid) / grid.weights * _phase_factors(grid)
    half, modes = derivative.shape[-1] // 2, grid.modes[-1]
    series = derivative[..., : modes + 1] - 1j * derivative[..., half : half + modes + 1]
    for axis, modes in zip(range(-grid.dim, -1), grid.modes, strict=False):
        half = series.shape[axis] // 2
        cosines = series[_part(axis, 0, modes + 1)]
        above, below = cosines[_part(axis, 1, None)], 1j * series[_part(axis, half + 1, half + modes + 1)]
        parts = [cosines[_part(axis, 0, 1)], above - below, (above + below)[_part(axis, None, None, -1)]]
        series = np.concatenate(parts, axis)
    return series * _phase_factors(grid)
