"""The potential of a truncated velocity by B-splines: a velocity at a cost that does not grow with the modes.

A velocity comes from its stream function ``psi`` in the plane, ``(psi_y, -psi_x)``, and from its vector potential ``A``
in space, ``curl A`` and a mean. In the box these are products of sines along the axes across which they vanish, and of
an even function, ``sin k x = sin x (2 cos (k - 1) x + 2 cos (k - 3) x + ...)``. That even function, or on the torus the
potential itself, is interpolated by splines of order eight; the velocity is the exact derivative. So it is
divergence-free and tangent to the walls whatever the error of the interpolant, and close to a wall the normal velocity
keeps its relative accuracy.

A wave ``k`` on splines of order `m`, `N` nodes a period: coefficients that give its Fourier coefficient exactly leave
the aliases ``k + N j``, of relative size ``(k / (N - k))^m`` in the potential and ``(k / (N - k))^(m - 1)`` in the
velocity.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from eulerot._linear_algebra import product
from eulerot._types import FloatArray
from eulerot.euler.equations.velocity import curl
from eulerot.euler.grid import Grid
from eulerot.euler.particles._kernels_splines import ORDER, memory_axes
from eulerot.euler.particles.mirrored import Mirrored, along_axes, along_axes_transposed

__all__ = ["MARGIN", "interpolant", "interpolant_size", "interpolant_transposed", "interpolated_points"]

# Nodes a period for each mode, and beyond them
_EACH, MARGIN = 4, 32


def interpolated_points(grid: Grid, margin: int = MARGIN) -> tuple[int, ...]:
    """Return the numbers of coefficients of an interpolant along each axis."""
    periods = [_EACH * modes + margin for modes in grid.modes]
    return tuple((period // 2 if grid.walls else period) + ORDER - 1 for period in periods)


def interpolant_size(grid: Grid, margin: int = MARGIN) -> int:
    """Return the number of coefficients of an interpolant, of all components together."""
    return math.prod(interpolated_points(grid, margin)) * (1 if grid.dim == 2 else 3)


def interpolant(
    carrier: np.ndarray, grid: Grid, *, margin: int = MARGIN, threads: int = 1
) -> tuple[FloatArray, FloatArray]:
    """Return the spline coefficients of the potential in phases, and the mean velocity.

    Parameters
    ----------
    carrier : ndarray
        Kept coefficients of the stream function, or of the velocity, ``(3, *grid.shape_hat)``; leading axes are kept.
    grid : Grid
        Domain and truncation.
    margin : int
        Nodes a period beyond four for each mode: with more of them low modes have a smaller error.
    threads : int
        Threads. Results do not depend on it.

    Returns
    -------
    coefficients : ndarray, shape (..., m, n) or (..., 3, m, n, o)
        `interpolated_points` along each axis. In space see `memory_axes` for the order of each one's axes in memory.
    drift : ndarray, shape (..., d)
        The mean velocity, which has no potential.
    """
    if grid.dim == 2:
        potential, drift = carrier, np.zeros((*carrier.shape[:-2], 2))
    else:
        sign = -1.0 if grid.walls else 1.0
        potential, drift = sign * grid.inverse_laplacian * curl(carrier, grid), _drift(carrier, grid)
    series, points = _by_component(potential * _phase_factors(grid), grid), interpolated_points(grid, margin)
    coefficients = np.empty((*series.shape[:2], *points))
    for i in range(series.shape[1]):
        axes, matrices = memory_axes(grid.dim, i), _matrices(grid, i, margin)
        terms, out = _transposed(_real(series[:, i], grid), axes), _in_memory(coefficients[:, i], axes)
        along_axes(matrices, terms, out, threads=threads)
    return coefficients.reshape(*carrier.shape[: -grid.dim], *points), drift


def interpolant_transposed(
    coefficients_bar: FloatArray, drift_bar: FloatArray, grid: Grid, *, margin: int = MARGIN, threads: int = 1
) -> np.ndarray:
    """Return the carrier that represents derivatives by the coefficients and the drift in the product ``mean(a b)``.

    The transpose of `interpolant`.
    """
    bars = _by_component(coefficients_bar, grid)
    parts = []
    for i in range(bars.shape[1]):
        axes, matrices = memory_axes(grid.dim, i), _matrices(grid, i, margin)
        series = along_axes_transposed(matrices, _in_memory(bars[:, i], axes), threads=threads)
        parts.append(_representing(_transposed(series, sorted(range(len(axes)), key=axes.index)), grid))
    potential = np.stack(parts, axis=1)
    potential = potential.reshape(*coefficients_bar.shape[: -grid.dim], *grid.shape_hat) * _phase_factors(grid)
    if grid.dim == 2:
        return potential
    carrier = grid.inverse_laplacian * curl(potential, grid)
    if not grid.walls:
        carrier[..., 0, 0, 0] += drift_bar * grid.scales
    return carrier


def _by_component(arrays: np.ndarray, grid: Grid) -> np.ndarray:
    """Return arrays of a potential, one component in the plane and three in space, with one axis before these."""
    return arrays.reshape(-1, 1 if grid.dim == 2 else 3, *arrays.shape[-grid.dim :])


def _transposed(arrays: FloatArray, axes: Sequence[int]) -> FloatArray:
    """Return arrays with their axes, all but the first, in an order."""
    return arrays.transpose(0, *(1 + axis for axis in axes))


def _in_memory(coefficients: FloatArray, axes: Sequence[int]) -> FloatArray:
    """Return the coefficients of a component, of the shape that they have with their axes as they are in memory."""
    return coefficients.reshape(-1, *(coefficients.shape[1 + axis] for axis in axes))


def _phase_factors(grid: Grid) -> FloatArray | float:
    """Return the factors that turn a potential of positions into that of phases."""
    scales = grid.scales
    return float(np.prod(scales)) if grid.dim == 2 else (np.prod(scales) / scales)[:, None, None, None]


def _drift(carrier: np.ndarray, grid: Grid) -> FloatArray:
    if grid.walls:
        return np.zeros(carrier.shape[:-3])
    return np.ascontiguousarray(carrier[..., 0, 0, 0].real) * grid.scales


def _matrices(grid: Grid, i: int, margin: int) -> list[Mirrored]:
    """Return for each axis in memory the matrix from the terms of component `i` to the coefficients of splines."""
    points, matrices = interpolated_points(grid, margin), []
    for axis in memory_axes(grid.dim, i):
        kind = "wave" if not grid.walls else "even" if grid.dim == 3 and axis == i else "sine"
        first = 1 if grid.walls and grid.dim == 2 else 0
        matrices.append(_matrix(kind, grid.modes[axis], points[axis], first))
    return matrices


@lru_cache(maxsize=32)
def _matrix(kind: str, modes: int, points: int, first: int) -> Mirrored:
    """Return the spline coefficients, a row each, of the terms ``k = first .. modes`` of a series along an axis.

    They are cosines, ``"even"``; or sines over the first sine; or the cosines and then the sines of a ``"wave"``.
    """
    cells = (points - (ORDER - 1)) * (1 if kind == "wave" else 2)  # of a period
    k = np.arange(modes + 1.0)
    angles = np.outer(np.arange(points) - (ORDER // 2 - 1), k) % cells * (2 * math.pi / cells)
    cosines, sines = (wave(angles) / np.sinc(k / cells) ** ORDER for wave in (np.cos, np.sin))
    if kind == "wave":  # from angle 0 to the whole turn
        return Mirrored.of(np.concatenate([cosines, sines], axis=1), np.repeat([True, False], len(k)))
    if kind == "even":  # from angle 0 to half a turn
        return Mirrored.of(cosines, k % 2 == 0)
    # sin k x / sin x = 2 cos (k - 1) x + 2 cos (k - 3) x + ..., down to 1 or 2 cos x
    below = k[None, :] - 1 - k[:, None]
    suffixes = np.where((below >= 0) & (below % 2 == 0), 2.0, 0.0) * np.where(k == 0, 0.5, 1.0)[:, None]
    return Mirrored.of(product(cosines, suffixes)[:, first:], k[first:] % 2 == 1)


def _part(axis: int, *edges: int | None) -> tuple:
    """Return the index that slices one axis, counted from the end."""
    return (..., slice(*edges), *(slice(None),) * (-axis - 1))


def _real(series: np.ndarray, grid: Grid) -> FloatArray:
    """Return the coefficients of products of cosines and sines, ``k = 0 .. K`` each along an axis; the box as is."""
    if grid.walls:
        return series
    for axis, modes in zip(range(-grid.dim, -1), grid.modes, strict=False):  # e^ikx = cos kx + i sin kx
        above, below = series[_part(axis, 1, modes + 1)], series[_part(axis, None, -modes - 1, -1)]
        zeroth = series[_part(axis, 0, 1)]
        series = np.concatenate([zeroth, above + below, np.zeros_like(zeroth), 1j * (above - below)], axis)
    series = series * np.where(np.arange(grid.modes[-1] + 1) == 0, 1.0, 2.0)
    return np.concatenate([series.real, -series.imag], axis=-1)


def _representing(derivative: FloatArray, grid: Grid) -> np.ndarray:
    """Return the field that represents a derivative by the products in the inner product ``mean(a b)``."""
    if grid.walls:
        return derivative / grid.weights
    half = derivative.shape[-1] // 2
    series = derivative[..., :half] - 1j * derivative[..., half:]
    for axis, modes in zip(range(-grid.dim, -1), grid.modes, strict=False):
        cosines, sines = series[_part(axis, 0, modes + 1)], series[_part(axis, modes + 1, None)]
        above, below = cosines[_part(axis, 1, None)], 1j * sines[_part(axis, 1, None)]
        parts = [cosines[_part(axis, 0, 1)], above - below, (above + below)[_part(axis, None, None, -1)]]
        series = np.concatenate(parts, axis)
    return series
