"""Particles that take longer steps than their field, which they read between its steps by splines in time.

A field asks for shorter steps than its particles: in the joint scheme its error is most of the map's. Here it takes its
own steps first, and the stages of the particles read it from splines of degree 9 through all of them.
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

__all__ = ["FEWEST", "SplinedTrajectory"]

_DEGREE = 9
# The fewest steps that such a spline can go through
FEWEST = _DEGREE


@dataclass(frozen=True)
class SplinedTrajectory:
    """A field in its own steps, particles that read it by splines in time, and the adjoint of these discrete steps.

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
        return fields[-1], self.advection_by(fields)

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
        sources = np.einsum("tn,t...->n...", self._reading, stages_bar.reshape(-1, *self.equation.shape))
        multiplier = sources[-1] if field_bar is None else sources[-1] + field_bar
        scheme, dt = RungeKutta(self.equation, self.tableau), self.time / self.field_steps
        stages, end = self.equation.zeros(self.tableau.stages), self.equation.zeros()
        for n in reversed(range(self.field_steps)):
            scheme.step(fields[n], dt, end, stages)
            scheme.adjoint_step(stages, multiplier, dt, None)
            multiplier += sources[n]
        return multiplier

    def fields(self, start: np.ndarray) -> np.ndarray:
        """Return the field at the start and after each of its steps, on which those of the particles have no part."""
        steps = time_steps(self.equation, start, self.time, self.field_steps, self.tableau)
        return np.stack([start, *(field.copy() for _, _, field in steps)])

    @kept
    def _reading(self) -> FloatArray:
        """Return the weights of the fields in each velocity of particles, shape ``(velocities, field_steps + 1)``."""
        from scipy.interpolate import make_interp_spline  # takes long to import

        starts = itertools.accumulate((each.count * each.dt for each in self.steps), initial=0.0)
        times = np.concatenate([start + each.times for start, each in zip(starts, self.steps, strict=False)])
        count = self.field_steps + 1
        spline = make_interp_spline(np.linspace(0.0, 1.0, count), np.eye(count), k=_DEGREE)
        return np.asarray(spline(np.clip(times / (self.time or 1.0), 0.0, 1.0)), dtype=np.float64)

    def advection_by(self, fields: np.ndarray) -> Advection:
        """Return the advection of particles by what `fields` returned."""
        # the carriers first, which are fewer; real and imaginary parts as columns; the product has the same bits on any
        # number of threads
        carriers = self.equation.carrier(fields)
        stages = product(self._reading, carriers.reshape(len(carriers), -1).view(np.float64), threads=self.threads)
        shaped = stages.view(carriers.dtype).reshape(-1, *carriers.shape[1:])
        return Advection(self.equation.grid, shaped, self.steps, self.threads, ranks=self.ranks)
