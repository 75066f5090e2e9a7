"""The potential of a truncated velocity by B-splines: a velocity at a cost that does not grow with the modes.

A velocity comes from its stream function ``psi`` in the plane, ``(psi_y, -psi_x)``, and in space from a vector
potential and a mean, ``curl A``, see `eulerot.euler.particles.potential`. In the box these are products of sines, along
the axes across which they vanish, and of an even function, ``sin k x = sin x (2 cos (k - 1) x + 2 cos (k - 3) x +
...)``. That even function, or on the torus the potential itself, is interpolated by splines of order eight; the
velocity is the exact derivative. So it is divergence-free and tangent to the walls whatever the error of the
interpolant, and close to a wall the normal velocity keeps its relative accuracy.

A wave ``k`` on splines of order `m`, `N` nodes a period: coefficients that give its Fourier coefficient exactly leave
the aliases ``k + N j``, of relative size ``(k / (N - k))^m`` in the potential and ``(k / (N - k))^(m - 1)`` in the
velocity; in space more by ``|k| / k_z`` in the component along `z`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from eulerot._linear_algebra import product
from eulerot._types import FloatArray
from eulerot.euler.grid import Grid
from eulerot.euler.particles._kernels_splines import ORDER
from eulerot.euler.particles._kernels_terms import AXES, has_factor
from eulerot.euler.particles.mirrored import Mirrored, along_axes, along_axes_transposed
from eulerot.euler.particles.potential import potential, potential_transposed

__all__ = ["MARGIN", "interpolant", "interpolant_size", "interpolant_transposed", "interpolated_points"]

# Nodes a period for each mode, and beyond them
_EACH, MARGIN = 4, 32


def interpolated_points(grid: Grid, margin: int = MARGIN) -> tuple[int, ...]:
    """Return the numbers of coefficients of an interpolant along each axis."""
    periods = [_EACH * modes + margin for modes in grid.modes]
    return tuple((period // 2 if grid.walls else period) + ORDER - 1 for period in periods)


def interpolant_size(grid: Grid, margin: int = MARGIN) -> int:
    """Return the number of coefficients of an interpolant, of all components together."""
    return math.prod(_array_shape(interpolated_points(grid, margin)))


def _array_shape(points: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of all coefficients: in space those of two components in space, and of one in the plane."""
    return points if len(points) == 2 else (*points[:2], 2 * points[2] + 1)


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
    coefficients : ndarray, shape (..., m, n) or (..., m, n, 2 o + 1)
        With `interpolated_points` ``m, n`` or ``m, n, o``. In space one component after another, see `AXES` for the
        order of each one's axes in memory.
    drift : ndarray, shape (..., d)
        The mean velocity, which has no potential.
    """
    lead = carrier.shape[: -grid.dim] if grid.dim == 2 else carrier.shape[:-4]
    points = interpolated_points(grid, margin)
    coefficients = np.empty((math.prod(lead), *_array_shape(points)))
    for i, (component, out) in enumerate(zip(potential(carrier, grid), _parts(coefficients, points), strict=True)):
        axes = AXES[grid.dim][i]
        terms = _real(component.reshape(len(out), *component.shape[len(lead) :]), grid, i)
        along_axes(_matrices(grid, i, margin), _transposed(terms, axes), out, threads=threads)
    return coefficients.reshape(*lead, *coefficients.shape[1:]), _drift(carrier, grid)


def interpolant_transposed(
    coefficients_bar: FloatArray, drift_bar: FloatArray, grid: Grid, *, margin: int = MARGIN, threads: int = 1
) -> np.ndarray:
    """Return the carrier that represents derivatives by the coefficients and the drift in the product ``mean(a b)``.

    The transpose of `interpolant`.
    """
    lead, each = coefficients_bar.shape[: -grid.dim], coefficients_bar.shape[-grid.dim :]
    components = []
    for i, bar in enumerate(_parts(coefficients_bar.reshape(-1, *each), interpolated_points(grid, margin))):
        axes = AXES[grid.dim][i]
        series = along_axes_transposed(_matrices(grid, i, margin), bar, threads=threads)
        component = _representing(_transposed(series, sorted(range(len(axes)), key=axes.index)), grid, i)
        components.append(component.reshape(*lead, *component.shape[1:]))
    return potential_transposed(components, drift_bar, grid)


def _parts(arrays: FloatArray, points: tuple[int, ...]) -> list[FloatArray]:
    """Return the coefficients of each component, views of a stack of all, with their axes as they are in memory."""
    rows = arrays.reshape(len(arrays), -1)
    shapes = [tuple(points[axis] for axis in axes) for axes in AXES[len(points)]]
    edges = np.cumsum([0, *map(math.prod, shapes)])
    return [rows[:, a:b].reshape(-1, *shape) for (a, b), shape in zip(itertools.pairwise(edges), shapes, strict=True)]


def _modes(grid: Grid, i: int) -> tuple[int, ...]:
    """Return the highest mode of each axis of a component."""
    return tuple(grid.modes[axis] for axis in sorted(AXES[grid.dim][i]))


def _transposed(arrays: FloatArray, axes: Sequence[int]) -> FloatArray:
    """Return arrays with their axes, all but the first, in an order."""
    return arrays.transpose(0, *(1 + axis for axis in axes))


def _drift(carrier: np.ndarray, grid: Grid) -> FloatArray:
    if grid.dim == 2:
        return np.zeros((*carrier.shape[:-2], 2))
    if grid.walls:
        return np.zeros(carrier.shape[:-3])
    return np.ascontiguousarray(carrier[..., 0, 0, 0].real) * grid.scales


def _matrices(grid: Grid, i: int, margin: int) -> list[Mirrored]:
    """Return for each axis in memory the matrix from the terms of component `i` to the coefficients of splines."""
    points, matrices = interpolated_points(grid, margin), []
    for axis in AXES[grid.dim][i]:
        kind = "wave" if not grid.walls else "sine" if has_factor(grid.dim, i, axis) else "even"
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


def _real(series: np.ndarray, grid: Grid, i: int) -> FloatArray:
    """Return the coefficients of products of cosines and sines, ``k = 0 .. K`` each along an axis; the box as is."""
    if grid.walls:
        return series
    *others, last = _modes(grid, i)
    for axis, modes in enumerate(others, -len(others) - 1):  # e^ikx = cos kx + i sin kx
        above, below = series[_part(axis, 1, modes + 1)], series[_part(axis, None, -modes - 1, -1)]
        zeroth = series[_part(axis, 0, 1)]
        series = np.concatenate([zeroth, above + below, np.zeros_like(zeroth), 1j * (above - below)], axis)
    series = series * np.where(np.arange(last + 1) == 0, 1.0, 2.0)
    return np.concatenate([series.real, -series.imag], axis=-1)


def _representing(derivative: FloatArray, grid: Grid, i: int) -> np.ndarray:
    """Return the component that represents a derivative by the products in the inner product ``mean(a b)``."""
    *others, _ = modes = _modes(grid, i)
    if grid.walls:
        return derivative / (grid.weights if len(modes) == grid.dim else grid.weights[..., 0])
    half = derivative.shape[-1] // 2
    series = derivative[..., :half] - 1j * derivative[..., half:]
    for axis, most in enumerate(others, -len(others) - 1):
        cosines, sines = series[_part(axis, 0, most + 1)], series[_part(axis, most + 1, None)]
        above, below = cosines[_part(axis, 1, None)], 1j * sines[_part(axis, 1, None)]
        parts = [cosines[_part(axis, 0, 1)], above - below, (above + below)[_part(axis, None, None, -1)]]
        series = np.concatenate(parts, axis)
    return series
