"""Particles whose steps are not those of their field, which they read by Hermite interpolation in time.

A field asks for other steps than its particles. Here it takes its own steps first, and the stages of the particles read
it from polynomials of degree eleven, through the fields and their tendencies at the six nearest times. The tendencies
are there: each step begins with one.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from eulerot._cached import kept
from eulerot._linear_algebra import product
from eulerot._ranks import ALONE, Ranks
from eulerot._types import FloatArray
from eulerot.euler.equations import Equation
from eulerot.euler.integrators import RungeKutta, Tableau
from eulerot.euler.particles.advection import Advection
from eulerot.euler.particles.schemes import EqualSteps
from eulerot.euler.stepping import time_steps

__all__ = ["FEWEST", "InterpolatedTrajectory"]

# Times through which a polynomial goes, and the fewest steps between these
_NODES = 6
FEWEST = _NODES - 1


@dataclass(frozen=True)
class InterpolatedTrajectory:
    """A field in its own steps, particles that read it between them, and the adjoint of these discrete steps.

    Parameters
    ----------
    equation : Equation
        The equation, with its grid.
    tableau : Tableau
        The scheme of the field.
    time : float
        Duration; negative to go back.
    steps : tuple of EqualSteps
        The steps of the particles.
    field_steps : int
        Steps of the field, at least `FEWEST`.
    threads : int
        Threads over particles. Results do not depend on it.
    ranks : Ranks
        The processes that share the particles; each computes the whole field.
    """

    equation: Equation
    tableau: Tableau
    time: float
    steps: tuple[EqualSteps, ...]
    field_steps: int
    threads: int = 1
    ranks: Ranks = ALONE

    def advection(self, start: np.ndarray) -> tuple[np.ndarray, Advection]:
        """Return the final field, and the advection of particles through all steps.

        Raises
        ------
        ResolutionError
            If the steps are too long for the field.
        """
        fields = self.fields(start)
        return fields[-1, 0], self.advection_by(fields)

    def gradient(
        self, start: np.ndarray, phases: FloatArray, field_bar: np.ndarray | None, phases_bar: FloatArray
    ) -> tuple[np.ndarray, FloatArray]:
        """Return derivatives by the initial field and phases, given those by the final ones."""
        fields = self.fields(start)
        advection = self.advection_by(fields)
        carrier_bar, start_bar = advection.adjoint(advection.advance_recorded(phases)[1], phases_bar)
        return self._back(fields, self.equation.carrier(carrier_bar), field_bar), start_bar

    def _back(self, fields: np.ndarray, stages_bar: np.ndarray, field_bar: np.ndarray | None) -> np.ndarray:
        """Return the derivative by the first field, given those by the fields at the stages and by the last."""
        equation, dt = self.equation, self.time / self.field_steps
        sources = np.einsum("tn,t...->n...", self._reading, stages_bar.reshape(-1, *equation.shape))
        by_fields, by_tendencies = sources[::2], sources[1::2]
        scheme = RungeKutta(equation, self.tableau)
        stages, end = equation.zeros(self.tableau.stages), equation.zeros()
        multiplier = equation.zeros() if field_bar is None else field_bar.copy()
        for n in reversed(range(self.field_steps + 1)):
            field, tendency = fields[n]
            if n < self.field_steps:
                scheme.step(field, dt, end, stages, first=tendency)
                scheme.adjoint_step(stages, multiplier, dt, None)
            multiplier += by_fields[n] + equation.adjoint(field, by_tendencies[n])
        return multiplier

    def fields(self, start: np.ndarray) -> np.ndarray:
        """Return the field and its tendency at the start and after each step, shape ``(field_steps + 1, 2, ...)``."""
        fields = self.equation.zeros(self.field_steps + 1, 2)
        fields[0, 0] = start
        steps = time_steps(self.equation, start, self.time, self.field_steps, self.tableau, tendencies=fields[:, 1])
        for n, (_, _, field) in enumerate(steps, 1):
            fields[n, 0] = field
        self.equation.tendency(fields[-1, 0], fields[-1, 1])
        return fields

    @kept
    def _reading(self) -> FloatArray:
        """Return the weights of each field and its tendency in each velocity, shape ``(velocities, 2 (steps + 1))``."""
        from scipy.interpolate import KroghInterpolator  # takes long to import

        starts = itertools.accumulate((each.count * each.dt for each in self.steps), initial=0.0)
        times = np.concatenate([start + each.times for start, each in zip(starts, self.steps, strict=False)])
        dt, count = self.time / self.field_steps, self.field_steps + 1
        place = np.clip(times / (dt or 1.0), 0.0, self.field_steps)  # in steps
        first = np.clip(place.astype(int) - (_NODES // 2 - 1), 0, count - _NODES)
        # values and slopes at nodes a step apart
        nodes = KroghInterpolator(np.repeat(np.arange(_NODES), 2), np.eye(2 * _NODES))(place - first)
        weights = np.zeros((len(times), 2 * count))
        np.put_along_axis(weights, 2 * first[:, None] + np.arange(2 * _NODES), nodes, axis=1)
        weights[:, 1::2] *= dt
        return weights

    def advection_by(self, fields: np.ndarray) -> Advection:
        """Return the advection of particles by what `fields` returned; backwards in time, by that turned round."""
        given = fields.reshape(-1, *self.equation.shape)
        # carriers of those that are fewer
        if len(given) < len(self._reading):
            carriers = self._read(self.equation.carrier(given))
        else:
            carriers = self.equation.carrier(self._read(given))
        return Advection(self.equation.grid, carriers, self.steps, self.threads, ranks=self.ranks)

    def _read(self, fields: np.ndarray) -> np.ndarray:
        """Return what particles read of fields and tendencies; the same bits on any number of threads."""
        columns = fields.reshape(len(fields), -1).view(np.float64)  # real and imaginary parts apart
        read = product(self._reading, columns, threads=self.threads)
        return read.view(fields.dtype).reshape(-1, *fields.shape[1:])
