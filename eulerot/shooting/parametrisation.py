"""Represent the initial field of a geodesic by the unknowns of a fit: its free coefficients, scaled by energy."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np

from eulerot._types import FloatArray
from eulerot.euler.embedding import embedded, restricted
from eulerot.euler.equations import Equation, equation_of
from eulerot.euler.grid import Grid

__all__ = ["Parametrisation"]


class Parametrisation:
    """Map real numbers `theta` to the initial field of a geodesic, such that ``1/2 |theta|^2`` is its kinetic energy.

    In the plane ``theta = w0 / |k|``, in space it is the velocity, to be projected by Leray; both times the root of
    Parseval's weights. On the torus a coefficient is two numbers, and only one of a conjugate pair is free.

    Parameters
    ----------
    equation : Equation
        Of the vorticity in the plane, or of the velocity in a box in space.
    unknowns : Grid, optional
        The grid whose modes are the unknowns, no more than those of the equation, which are all by default.

    Examples
    --------
    >>> from eulerot.euler.equations import equation_of
    >>> from eulerot.euler.grid import Grid
    >>> from eulerot.euler.invariants import energy
    >>> grid = Grid((8, 8))
    >>> unknowns = Parametrisation(equation_of(grid))
    >>> theta = np.arange(float(unknowns.size))
    >>> bool(np.isclose(energy(unknowns.field(theta), grid), 0.5 * theta @ theta))
    True
    """

    def __init__(self, equation: Equation, unknowns: Grid | None = None) -> None:
        self._field_grid, self._grid = equation.grid, unknowns or equation.grid
        self._equation = equation_of(self._grid)
        self._complex = not self._grid.walls

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the unknowns as coefficients, in a box."""
        return self._equation.shape

    @cached_property
    def _free(self) -> np.ndarray:
        """A mask of the coefficients that are free."""
        if not self._complex:
            return np.ones(self._equation.shape, dtype=bool)
        free, zero = np.zeros(self._grid.shape_hat, dtype=bool), np.ones(self._grid.shape_hat, dtype=bool)
        for k in reversed(self._grid.wavenumbers):  # of k and -k the one whose last wavenumber but zero is positive
            free |= zero & (k > 0)
            zero &= k == 0
        return np.broadcast_to(free, self._equation.shape)

    @cached_property
    def _scale(self) -> FloatArray:
        """The factors from unknowns to free coefficients."""
        grid = self._grid
        if grid.dim == 2:
            return np.sqrt(grid.laplacian / (2.0 if self._complex else grid.weights))[self._free]
        if self._complex:
            return np.full(np.count_nonzero(self._free), math.sqrt(0.5))
        # a sine of wavenumber zero is no mode
        return np.stack([(k > 0) / np.sqrt(grid.weights) for k in grid.wavenumbers])[self._free]

    @property
    def size(self) -> int:
        """The number of unknowns."""
        return len(self._scale) * (2 if self._complex else 1)

    @cached_property
    def stiffness(self) -> FloatArray:
        """The weights of the regularisation, ``R = 1/2 stiffness . theta^2``, the palinstrophy."""
        symbol = np.broadcast_to(self._grid.laplacian**2, self._equation.shape)[self._free]
        return np.tile(symbol, 2 if self._complex else 1)

    def field(self, theta: FloatArray) -> np.ndarray:
        """Return the field that the unknowns stand for."""
        field = self._equation.zeros()
        if not self._complex:
            field[self._free] = self._scale * theta
            return self._padded(self._equation.projected(field))
        real, imaginary = theta.reshape(2, -1)
        field[self._free] = self._scale * (real + 1j * imaginary)
        first = field[..., 0]  # where the last wavenumber is zero, both of a conjugate pair are kept
        axes = tuple(range(first.ndim - self._grid.dim + 1, first.ndim))
        first += np.conj(np.roll(np.flip(first, axes), 1, axes))
        return self._padded(self._equation.projected(field))

    def _padded(self, field: np.ndarray) -> np.ndarray:
        return embedded(field, self._grid, self._field_grid)

    def theta(self, field: np.ndarray) -> FloatArray:
        """Return the unknowns that stand for a field, or for its part in their modes."""
        field = restricted(field, self._field_grid, self._grid)
        inverse = np.divide(1.0, self._scale, out=np.zeros_like(self._scale), where=self._scale > 0)
        free = inverse * field[self._free]
        return np.concatenate([free.real, free.imag]) if self._complex else free

    def gradient(self, by_field: np.ndarray) -> FloatArray:
        """Return the derivative with respect to the unknowns, given the field that represents the one by the field."""
        by_field = restricted(by_field, self._field_grid, self._grid)
        if self._complex:
            free = 2.0 * self._scale * self._equation.projected(by_field)[self._free]  # a coefficient and its conjugate
            return np.concatenate([free.real, free.imag])
        weights = np.broadcast_to(self._grid.weights, self._equation.shape)
        return (weights * self._equation.projected(by_field))[self._free] * self._scale
