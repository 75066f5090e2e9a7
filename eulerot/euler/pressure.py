"""The Hessian of the pressure, whose largest eigenvalue tells whether a geodesic is shortest; equation (21)."""

from __future__ import annotations

import itertools
from functools import cached_property

import numpy as np
import scipy

from eulerot._types import FloatArray
from eulerot.euler.embedding import full_spectrum
from eulerot.euler.equations import Equation
from eulerot.euler.grid import Grid

__all__ = ["Pressure"]

# Points for one that the pressure's modes need, so that each of its peaks has a point beside it
_OVERSAMPLING = 1.5
# The highest peaks of the points that are looked at more closely, on lattices that shrink about the best point
_NEARLY, _PEAKS, _LATTICE, _SHRINK, _SMALLEST = 0.8, 6, 7, 3.0, 1e-3


class Pressure:
    """The pressure of a velocity, from ``-Laplace p = tr(Du Du)``, even at the walls; equation (21).

    A product of two fields of modes up to `K` has modes up to ``2 K``, so that nothing is left out.

    Parameters
    ----------
    equation : Equation
        The equation, with its grid.
    field : ndarray
        Kept coefficients of the vorticity in the plane, of the velocity in space.

    Examples
    --------
    >>> from eulerot.euler.equations import equation_of
    >>> grid = Grid((12, 12), "cube")
    >>> x, y = grid.mesh()
    >>> equation = equation_of(grid)
    >>> pressure = Pressure(equation, equation.analysed(2 * np.sin(x) * np.sin(y)))  # psi = sin x sin y
    >>> value, place = pressure.peak()  # p = (cos 2x + cos 2y) / 4, of which D^2 p has an eigenvalue -cos 2x
    >>> round(value, 6), bool(np.isclose(place, np.pi / 2, atol=1e-2).any())
    (1.0, True)
    """

    def __init__(self, equation: Equation, field: np.ndarray) -> None:
        self.grid = equation.grid
        components = zip(equation.velocity_hat(field), equation.velocity_parities, strict=True)
        self._velocity = np.stack([full_spectrum(hat, self.grid, parity) for hat, parity in components])

    @cached_property
    def _modes(self) -> tuple[int, ...]:
        return tuple(2 * k for k in self.grid.modes)

    @cached_property
    def _points(self) -> tuple[int, ...]:
        """Points of a whole period along each axis: of the torus, or of the box and its mirror image."""
        return tuple(scipy.fft.next_fast_len(int(_OVERSAMPLING * (2 * k + 1)) + 1, real=True) for k in self._modes)

    @cached_property
    def _hat(self) -> np.ndarray:
        """The coefficients of ``exp(i k . x)`` in the pressure, half of a Hermitian spectrum of all points."""
        dim, sources = self.grid.dim, np.zeros(self._points)
        padded, last = np.zeros((dim, *self._half), complex), self.grid.modes[-1] + 1
        places: tuple = np.ix_(*(np.r_[0 : k + 1, -k:0] for k in self.grid.modes[:-1]), np.arange(last))
        for component, row in zip(padded, self._velocity, strict=True):
            component[places] = row[..., :last]
        slopes = {
            (i, j): self._synthesised(1j * self._wavenumbers[i] * padded[j])
            for i, j in itertools.product(range(dim), repeat=2)
        }
        for i, j in itertools.product(range(dim), repeat=2):
            sources += slopes[i, j] * slopes[j, i]
        laplacian = sum(k**2 for k in self._wavenumbers)
        spectrum = scipy.fft.rfftn(sources, norm="forward")
        inside = np.ones(self._half, dtype=bool)
        for k, scale, last in zip(self._wavenumbers, self.grid.scales, self._modes, strict=True):
            inside &= np.abs(k) < (last + 0.5) * scale
        return np.divide(spectrum, laplacian, out=np.zeros_like(spectrum), where=inside & (laplacian > 0))

    @property
    def _half(self) -> tuple[int, ...]:
        return (*self._points[:-1], self._points[-1] // 2 + 1)

    @cached_property
    def _wavenumbers(self) -> tuple[FloatArray, ...]:
        *full, last = self._points
        numbers = [*(scipy.fft.fftfreq(n, 1.0 / n) for n in full), np.arange(last // 2 + 1.0)]
        scaled = [scale * k for scale, k in zip(self.grid.scales, numbers, strict=True)]
        return tuple(np.meshgrid(*scaled, indexing="ij", sparse=True))

    def _synthesised(self, spectrum: np.ndarray) -> FloatArray:
        return np.asarray(scipy.fft.irfftn(spectrum, self._points, norm="forward"), dtype=np.float64)

    def inner(self, other: Pressure) -> float:
        """Return ``mean grad p . grad q`` with another pressure on the same grid."""
        weights = np.full(self._half, 2.0)
        weights[..., 0] = 1.0  # the plane 0 of the last axis holds both k and -k
        laplacian = sum(k**2 for k in self._wavenumbers)
        return float(np.sum(weights * laplacian * (np.conj(self._hat) * other._hat).real))

    def curvature(self) -> tuple[tuple[FloatArray, ...], FloatArray]:
        """Return the coordinates of points along each axis of the domain, and ``lambda_max(D^2 p)`` there."""
        k = self._wavenumbers
        part = tuple(slice(0, n // 2 + 1 if self.grid.walls else n) for n in self._points)
        entries = {
            (i, j): self._synthesised(-k[i] * k[j] * self._hat)[part]
            for i, j in itertools.combinations_with_replacement(range(self.grid.dim), 2)
        }
        periods = 2 * np.pi / self.grid.scales
        axes = tuple(
            period / n * np.arange(n)[each] for period, n, each in zip(periods, self._points, part, strict=True)
        )
        return axes, largest_eigenvalue(entries, self.grid.dim)

    def peak(self) -> tuple[float, FloatArray]:
        """Return the largest ``lambda_max(D^2 p)`` over all of the domain, and where it is.

        The highest points of a grid are refined on lattices that shrink until the maximum stands still.
        """
        axes, values = self.curvature()
        spacing = np.array([axis[1] for axis in axes])
        peaks = [self._refined(axes, place, spacing) for place in _highest(values, self.grid)]
        return max(peaks, key=lambda peak: peak[0])

    def _refined(
        self, axes: tuple[FloatArray, ...], index: tuple[int, ...], spacing: FloatArray
    ) -> tuple[float, FloatArray]:
        centre = np.array([axis[i] for axis, i in zip(axes, index, strict=True)])
        reach, best = 1.0, -np.inf
        while reach > _SMALLEST:
            offsets = reach * np.linspace(-1.0, 1.0, _LATTICE)
            lattice = [c + h * offsets for c, h in zip(centre, spacing, strict=True)]
            if self.grid.walls:
                lattice = [np.clip(row, 0.0, side) for row, side in zip(lattice, self.grid.sides, strict=True)]
            values = self._curvature_at(lattice)
            at = np.unravel_index(int(np.argmax(values)), values.shape)
            best, centre = float(values[at]), np.array([row[i] for row, i in zip(lattice, at, strict=True)])
            reach /= _SHRINK
        return best, centre

    def _curvature_at(self, lattice: list[FloatArray]) -> FloatArray:
        """Return ``lambda_max(D^2 p)`` on the products of given coordinates, by sums over all modes."""
        k = [np.ravel(each) for each in self._wavenumbers]
        waves = [np.exp(1j * np.outer(row, each)) for row, each in zip(lattice, k, strict=True)]
        twice = np.where((k[-1] > 0) & (2 * np.arange(len(k[-1])) != self._points[-1]), 2.0, 1.0)
        waves[-1] = waves[-1] * twice  # they stand for both k and -k
        entries = {}
        for i, j in itertools.combinations_with_replacement(range(self.grid.dim), 2):
            values = -self._wavenumbers[i] * self._wavenumbers[j] * self._hat
            for wave in reversed(waves):
                values = np.moveaxis(np.einsum("...k,pk->...p", values, wave), -1, 0)
            entries[i, j] = values.real
        return largest_eigenvalue(entries, self.grid.dim)


def largest_eigenvalue(entries: dict[tuple[int, int], FloatArray], dim: int) -> FloatArray:
    """Return the largest eigenvalue of symmetric matrices, given the arrays of their entries on and above the diagonal.

    Examples
    --------
    >>> largest_eigenvalue({(0, 0): np.zeros(1), (0, 1): np.ones(1), (1, 1): np.zeros(1)}, 2)
    array([1.])
    """
    if dim == 2:
        a, b, c = entries[0, 0], entries[0, 1], entries[1, 1]
        return 0.5 * (a + c) + np.hypot(0.5 * (a - c), b)
    # by the trigonometric formula for cubics with three real roots
    third = (entries[0, 0] + entries[1, 1] + entries[2, 2]) / 3
    a, b, c = (entries[i, i] - third for i in range(3))
    d, e, f = entries[0, 1], entries[0, 2], entries[1, 2]
    size = np.sqrt((a**2 + b**2 + c**2 + 2 * (d**2 + e**2 + f**2)) / 6)
    determinant = a * (b * c - f**2) - d * (d * c - e * f) + e * (d * f - b * e)
    cosine = np.divide(0.5 * determinant, size**3, out=np.ones_like(size), where=size > 0)
    return third + 2 * size * np.cos(np.arccos(np.clip(cosine, -1.0, 1.0)) / 3)


def _highest(values: FloatArray, grid: Grid) -> list[tuple[int, ...]]:
    """Return the places of the highest points that no neighbour exceeds."""
    padded = np.pad(values, 1, mode="edge") if grid.walls else np.pad(values, 1, mode="wrap")
    is_peak = np.ones(values.shape, dtype=bool)
    for axis in range(values.ndim):
        inner = [slice(1, -1)] * values.ndim
        for start, stop in ((0, -2), (2, None)):
            inner[axis] = slice(start, stop)
            is_peak &= values >= padded[tuple(inner)]
    is_peak &= values >= _NEARLY * np.max(values)
    places = np.argwhere(is_peak)
    order = np.argsort(-values[is_peak], kind="stable")[:_PEAKS]
    return [tuple(place) for place in places[order]]
