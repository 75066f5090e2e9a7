"""Particles by a non-uniform FFT, to the precision of the machine; the only import of finufft."""

from __future__ import annotations

import math

import numpy as np

from eulerot._types import FloatArray
from eulerot.euler.embedding import full_spectrum
from eulerot.euler.equations import Equation
from eulerot.euler.integrators import Tableau
from eulerot.euler.particles.phases import to_phases, to_positions

__all__ = ["NonuniformAdvection"]

# The relative error of a velocity: the smallest that finufft promises in double precision
TOLERANCE = 1e-13


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
    Barnett, Magland, af Klinteberg, SIAM J. Sci. Comput. 41:C479, 2019, https://doi.org/10.1137/18M120885X.
    """

    def __init__(self, equation: Equation, tableau: Tableau, threads: int) -> None:
        try:
            import finufft
        except ImportError as error:
            raise ImportError(
                "evaluation: 'nufft' needs finufft: run `pip install eulerot[nufft]`, or use 'splines'."
            ) from error
        self._equation, self._tableau = equation, tableau
        grid = equation.grid
        # two real components in one complex transform
        self._pairs = -(-grid.dim // 2)
        sizes = tuple(2 * k + 1 for k in grid.modes)
        self._plan = finufft.Plan(2, sizes, self._pairs, TOLERANCE, 1, nthreads=threads, modeord=1)

    def advance(self, phases: FloatArray, stages: np.ndarray, dt: float) -> FloatArray:
        """Return the phases after a step with the given stage fields."""
        grid, tableau = self._equation.grid.whole, self._tableau
        start = to_positions(phases, grid) * grid.scales  # angles
        slopes: list[FloatArray] = []
        for field, weights in zip(stages, tableau.a, strict=True):
            now = start + dt * sum((w * s for w, s in zip(weights, slopes, strict=False) if w), start=0.0)
            slopes.append(self._velocity(field, now))
        end = start + dt * sum(w * s for w, s in zip(tableau.b, slopes, strict=True))
        return to_phases((np.clip(end, 0.0, math.pi) if grid.walls else end) / grid.scales, grid)

    def _velocity(self, field: np.ndarray, angles: FloatArray) -> FloatArray:
        """Return the velocity of particles at given angles, in angles a unit of time."""
        grid = self._equation.grid.whole
        velocity = self._equation.grid.assembled(self._equation.velocity_hat(field))
        components = zip(velocity, self._equation.velocity_parities, grid.scales, strict=True)
        spectra = [scale * full_spectrum(hat, grid, parity) for hat, parity, scale in components]
        spectra += [np.zeros_like(spectra[0])] * (2 * self._pairs - grid.dim)
        packed = np.stack([spectra[2 * i] + 1j * spectra[2 * i + 1] for i in range(self._pairs)])
        turns = angles - 2 * math.pi * np.floor(angles / (2 * math.pi) + 0.5)
        self._plan.setpts(*np.ascontiguousarray(turns.T))
        values = self._plan.execute(packed if self._pairs > 1 else packed[0]).reshape(self._pairs, -1)
        return np.stack([values.real, values.imag], axis=1).reshape(2 * self._pairs, -1)[: grid.dim].T
