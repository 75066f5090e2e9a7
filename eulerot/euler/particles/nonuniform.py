"""Particles by a non-uniform FFT, for many modes, where direct sums take too long; the only import of finufft."""

from __future__ import annotations

import math

import numpy as np

from eulerot._types import FloatArray
from eulerot.euler.equations import Equation
from eulerot.euler.grid import Grid
from eulerot.euler.integrators import Tableau
from eulerot.euler.particles.phases import to_phases, to_positions
from eulerot.euler.transforms.pointwise import Parity

__all__ = ["NonuniformAdvection", "full_spectrum"]

# The relative error of a velocity: the smallest that finufft promises in double precision
TOLERANCE = 1e-13


def full_spectrum(field_hat: np.ndarray, grid: Grid, parity: Parity) -> np.ndarray:
    """Return the coefficients of ``exp(i k . x)`` of a field, in the order ``0 .. K, -K .. -1`` on every axis.

    Examples
    --------
    >>> grid = Grid((6, 6), "cube")
    >>> field_hat = np.zeros(grid.shape_hat)
    >>> field_hat[0, 0] = 1.0  # sin x cos y
    >>> full_spectrum(field_hat, grid, ("sin", "cos"))[1, 1]
    np.complex128(-0.25j)
    """
    if not grid.walls:
        mirrored = np.conj(field_hat[..., :0:-1])
        for axis in range(grid.dim - 1):
            mirrored = np.roll(np.flip(mirrored, axis), 1, axis)  # k to -k
        return np.concatenate([field_hat, mirrored], axis=-1)
    full: np.ndarray = field_hat
    for axis, (kept, last, name) in enumerate(zip(grid.axis_modes, grid.modes, parity, strict=True)):
        k = np.r_[0 : last + 1, -last:0]
        factor = -0.5j * np.sign(k) if name == "sin" else np.where(k == 0, 1.0, 0.5)
        factor = np.where(np.abs(k) < kept[0], 0.0, factor)
        shape = [-1 if i == axis else 1 for i in range(grid.dim)]
        full = np.take(full, np.maximum(np.abs(k) - int(kept[0]), 0), axis) * factor.reshape(shape)
    return full


class NonuniformAdvection:
    """Particles carried by an equation's stage fields through one step, their velocities from a non-uniform FFT.

    Velocities are exact to `TOLERANCE` of the largest. That serves trajectories, but not the tails of a Gaussian, which
    lie closer to the walls than the error: there, use `Advection`.

    Parameters
    ----------
    equation : Equation
        The equation.
    tableau : Tableau
        The scheme, the same as the field's.
    threads : int
        Threads. Results do not depend on it: each particle is interpolated for itself.

    Raises
    ------
    ImportError
        If finufft is not installed.

    References
    ----------
    Barnett, Magland, af Klinteberg, SIAM J. Sci. Comput. 41:C479, 2019, doi:10.1137/18M120885X.
    """

    def __init__(self, equation: Equation, tableau: Tableau, threads: int) -> None:
        try:
            import finufft
        except ImportError as error:
            raise ImportError(
                "evaluation: 'nufft' needs finufft: run `pip install eulerot[nufft]`, or use 'direct'."
            ) from error
        self._equation, self._tableau = equation, tableau
        grid = equation.grid
        # two real components in one complex transform
        self._pairs = -(-grid.dim // 2)
        sizes = tuple(2 * k + 1 for k in grid.modes)
        self._plan = finufft.Plan(2, sizes, self._pairs, TOLERANCE, 1, nthreads=threads, modeord=1)

    def advance(self, phases: FloatArray, stages: np.ndarray, dt: float) -> FloatArray:
        """Return the phases after a step with the given stage fields."""
        grid, tableau = self._equation.grid, self._tableau
        start = to_positions(phases, grid) * grid.scales  # angles
        slopes: list[FloatArray] = []
        for field, weights in zip(stages, tableau.a, strict=True):
            now = start + dt * sum((w * s for w, s in zip(weights, slopes, strict=False) if w), start=0.0)
            slopes.append(self._velocity(field, now))
        end = start + dt * sum(w * s for w, s in zip(tableau.b, slopes, strict=True))
        return to_phases((np.clip(end, 0.0, math.pi) if grid.walls else end) / grid.scales, grid)

    def _velocity(self, field: np.ndarray, angles: FloatArray) -> FloatArray:
        """Return the velocity of particles at given angles, in angles a unit of time."""
        grid = self._equation.grid
        components = zip(self._equation.velocity_hat(field), self._equation.velocity_parities, grid.scales, strict=True)
        spectra = [scale * full_spectrum(hat, grid, parity) for hat, parity, scale in components]
        spectra += [np.zeros_like(spectra[0])] * (2 * self._pairs - grid.dim)
        packed = np.stack([spectra[2 * i] + 1j * spectra[2 * i + 1] for i in range(self._pairs)])
        turns = angles - 2 * math.pi * np.floor(angles / (2 * math.pi) + 0.5)
        self._plan.setpts(*np.ascontiguousarray(turns.T))
        values = self._plan.execute(packed if self._pairs > 1 else packed[0]).reshape(self._pairs, -1)
        return np.stack([values.real, values.imag], axis=1).reshape(2 * self._pairs, -1)[: grid.dim].T
