"""Conjugate points along Kolmogorov flows of the torus, by the index form on trial functions of space and time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike

from eulerot._linear_algebra import product
from eulerot._types import FloatArray
from eulerot.checks import checked_count, checked_number
from eulerot.euler.embedding import embedded
from eulerot.euler.equations import VorticityEquation
from eulerot.euler.grid import Grid, checked_grid
from eulerot.euler.pressure import Pressure

__all__ = ["ConjugatePoint", "IndexForm", "conjugate_time"]

# What rounding may leave of modes that a field does not have, as a share of its largest
_ROUNDED = 1e-10
# Durations that are tried before the first with a negative direction is bisected, and the width that is left
_TRIALS, _WIDTH = 16, 1e-7


@dataclass(frozen=True)
class ConjugatePoint:
    """Where the first conjugate point along a steady flow is.

    Attributes
    ----------
    lower : float
        There is none before that time, by Brenier's theorem (21).
    upper : float
        There is one until that time, by the index form; it falls to the first one as modes are added.

    See Also
    --------
    eulerot.conjugate_time : When neighbouring geodesics meet again.

    Examples
    --------
    >>> ConjugatePoint(lower=1.5, upper=2.0).upper
    2.0
    """

    lower: float
    upper: float


def conjugate_time(field0: ArrayLike, grid: Grid, *, until: float, harmonics: int = 4) -> ConjugatePoint | None:
    """Return bounds of the first conjugate point along a Kolmogorov flow of the plane torus; equation (27).

    A flow stops being a shortest path at its first conjugate point: from there on the index form, the second variation
    of the energy, is negative for some displacement that vanishes at both ends. Displacements are tried whose stream
    function is a sum of the grid's modes times the first sines in time. On these the form is exact, so that a negative
    one proves a conjugate point, whatever the truncation.

    Parameters
    ----------
    field0 : array_like, shape `grid.points`
        A vorticity of modes of one wavenumber, ``-Laplace psi = lambda psi``, which is steady.
    grid : Grid
        A torus in two dimensions; its modes are those of the trial displacements. The cost grows as the sixth power of
        their number an axis.
    until : float
        How far to look.
    harmonics : int
        Sines in time.

    Returns
    -------
    ConjugatePoint or None
        None if no trial displacement shows a conjugate point.

    Raises
    ------
    ValueError
        If an argument does not fit, or if the field is no Kolmogorov flow.

    See Also
    --------
    eulerot.ConjugatePoint : Bounds of a conjugate point.
    eulerot.jacobi_field : How neighbouring geodesics move apart.

    References
    ----------
    G. Misiolek, Proc. Amer. Math. Soc. 124:977 (1996), https://doi.org/10.1090/S0002-9939-96-03149-8.
    A. Le Brigant, S. C. Preston, Conjugate points along Kolmogorov flows on the torus, arXiv:2304.05674.

    Examples
    --------
    >>> grid = Grid((10, 10))
    >>> x, y = grid.mesh()
    >>> conjugate_time(np.cos(y), grid, until=100.0) is None  # a shear has none
    True
    >>> point = conjugate_time(5 * np.cos(x) * np.cos(2 * y), grid, until=10.0)
    >>> point.lower < point.upper < 9
    True
    """
    if checked_grid(grid).dim != 2 or grid.walls:
        raise ValueError(f"grid: expected a torus in two dimensions; got {grid}. Pass Grid((n, n)).")
    until = checked_number("until", until, "a positive time", lambda time: time > 0)
    equation, harmonics = VorticityEquation(grid), checked_count("harmonics", harmonics)
    field = equation.analysed(grid.checked_field("field0", field0))
    form = IndexForm.of(equation, field)
    if form.is_positive(until, harmonics):
        return None
    negative = next(n for n in range(1, _TRIALS + 1) if not form.is_positive(until * n / _TRIALS, harmonics))
    low, high = until * (negative - 1) / _TRIALS, until * negative / _TRIALS
    while high - low > _WIDTH * until:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if form.is_positive(middle, harmonics) else (low, middle)
    return ConjugatePoint(math.pi / math.sqrt(Pressure(equation, field).peak()[0]), high)


@dataclass(frozen=True)
class IndexForm:
    """The second variation of the energy of a Kolmogorov flow on real modes of the displacement; equation (27).

    For the stream function `chi` of a displacement, with ``L = u . grad`` and ``Lambda = -Laplace``, it is the integral
    of ``<chi_t + L chi, Lambda (chi_t + L chi) - lambda L chi>`` over time.

    Attributes
    ----------
    inertia : ndarray, shape (n, n)
        ``<f, Lambda g>``.
    index : ndarray, shape (n, n)
        ``<L f, (Lambda - lambda) L g>``, Misiolek's index of a displacement ``f sin(pi t / T)``.
    gyroscopic : ndarray, shape (n, n)
        ``2 <f, Lambda L g> - lambda <f, L g>``.
    basis : ndarray, shape (n, *shape_hat)
        Kept coefficients of the stream functions `f`.
    """

    inertia: FloatArray
    index: FloatArray
    gyroscopic: FloatArray
    basis: np.ndarray

    @classmethod
    def of(cls, equation: VorticityEquation, field: np.ndarray) -> IndexForm:
        """Return the index form of a flow that is given by the kept coefficients of its vorticity."""
        grid, there = equation.grid, np.abs(field) > _ROUNDED * np.abs(field).max(initial=1e-300)
        symbols = grid.laplacian[there]
        if len(symbols) == 0 or np.ptp(symbols) > _ROUNDED * symbols.max():
            raise ValueError(
                "field0: expected a vorticity of modes of one wavenumber, such as cos(x) cos(2y); got another. Other "
                "fields are steady by accident only, and need another index form."
            )
        reach = [
            int(np.abs(np.broadcast_to(k, there.shape)[there]).max())
            for k in np.meshgrid(*grid.axis_modes, indexing="ij")
        ]
        # of all modes that a product of the flow with a displacement has
        finer = Grid(tuple(3 * (k + r) + 1 for k, r in zip(grid.modes, reach, strict=True)), lengths=grid.sides)
        basis, weights = _basis(grid), finer.weights
        fine = embedded(basis, grid, finer)
        moved = _transported(VorticityEquation(finer), embedded(np.where(there, field, 0), grid, finer), fine)
        symbol, value = finer.laplacian, float(symbols[0])

        def inner(first: np.ndarray, second: np.ndarray, factor: FloatArray | float) -> FloatArray:
            left, right = (each.reshape(len(basis), -1) for each in (first * weights * factor, second))
            # the real part of the product with the conjugate, whatever the threads of the linear algebra library
            return product(np.hstack([left.real, left.imag]), np.hstack([right.real, right.imag]).T)

        inertia, index = inner(fine, fine, symbol), inner(moved, moved, symbol - value)
        return cls(inertia, index, inner(fine, moved, 2 * symbol - value), basis)

    def is_positive(self, time: float, harmonics: int) -> bool:
        """Return whether the form is positive for all displacements of so many sines in time."""
        n, orders = len(self.basis), np.arange(1.0, harmonics + 1)
        whole = np.zeros((harmonics, n, harmonics, n))
        for i, first in enumerate(orders):
            for j, second in enumerate(orders):
                if i == j:
                    whole[i, :, i] += math.pi**2 * first**2 / (2 * time) * self.inertia + 0.5 * time * self.index
                elif (i + j) % 2:  # the integral of (sin i)' sin j
                    part = 2 * first * second / (second**2 - first**2) * self.gyroscopic
                    whole[i, :, j] += 0.5 * part
                    whole[j, :, i] += 0.5 * part.T
        try:
            scipy.linalg.cholesky(whole.reshape(harmonics * n, -1), lower=True, check_finite=False, overwrite_a=True)
        except np.linalg.LinAlgError:
            return False
        return True


def _basis(grid: Grid) -> np.ndarray:
    """Return coefficients of real stream functions, one for each cosine and sine, of unit energy ``1/2 mean |u|^2``."""
    k, l = (axis.astype(int) for axis in grid.axis_modes)
    rows = []
    for i, j in np.ndindex(grid.shape_hat):
        if l[j] == 0 and k[i] <= 0:  # on the axis the coefficients of k and -k are conjugate
            continue
        for value in (1.0, 1j):
            row = grid.zeros_hat()
            row[i, j] = value
            if l[j] == 0:
                row[-k[i], 0] = np.conj(value)
            rows.append(row / np.sqrt(0.5 * np.sum(grid.weights * grid.laplacian * np.abs(row) ** 2)))
    return np.array(rows)


def _transported(equation: VorticityEquation, field: np.ndarray, functions: np.ndarray) -> np.ndarray:
    """Return the coefficients of ``u . grad f`` of each function."""
    parity, velocity = equation.field_parities[0], equation.velocity(field)
    rows = []
    for function in functions:
        slopes = [equation.transforms.backward(1j * k * function, parity) for k in equation.grid.wavenumbers]
        along = sum(w * slope for w, slope in zip(velocity, slopes, strict=True))
        rows.append(equation.transforms.forward(along, parity))
    return np.array(rows)
