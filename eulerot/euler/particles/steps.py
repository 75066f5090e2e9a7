"""Particles through the steps of a solve, whatever sums their velocity, and the error of a step."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from eulerot._ranks import Ranks
from eulerot._types import FloatArray
from eulerot.euler.equations import Equation
from eulerot.euler.integrators import RK4, EmbeddedPair, Tableau
from eulerot.euler.particles.advection import Advection
from eulerot.euler.particles.phases import to_positions

__all__ = ["EVALUATIONS", "ParticleSteps"]

EVALUATIONS = ("splines", "nufft")
# Margins of interpolants with which a velocity of few modes is exact to rounding
_MARGIN = {2: 256, 3: 64}
# Phases after a step, given those before, its stage fields and its length
Step = Callable[[FloatArray, np.ndarray, float], FloatArray]


class ParticleSteps:
    """Particles that follow the steps of a field.

    Parameters
    ----------
    evaluation : {"splines", "nufft"}
        How their velocity is summed.
    equation : Equation
        The equation of the field.
    phases : ndarray, shape (n, d)
        Where they start.
    pair : EmbeddedPair, optional
        The schemes of the steps, if each is tried first; the fourth-order one otherwise.
    ranks : Ranks
        The processes of which each has a part of the particles.
    """

    def __init__(
        self, evaluation: str, equation: Equation, phases: FloatArray, pair: EmbeddedPair | None, ranks: Ranks
    ) -> None:
        make = _nonuniform if evaluation == "nufft" else _splines
        self._grid, self._pair, self._phases, self._tried = equation.grid, pair, phases, phases
        self._ranks = ranks
        self._higher = make(equation, RK4 if pair is None else pair.tableau)
        self._lower = None if pair is None else make(equation, pair.lower)

    def misfit(self, stages: np.ndarray, dt: float) -> float:
        """Try a step; return the largest error of any particle, as an angle: the longest side of a box is ``pi``."""
        assert self._lower is not None
        self._tried = self._higher(self._phases, stages[:-1], dt)
        ends = [to_positions(each, self._grid) for each in (self._tried, self._lower(self._phases, stages, dt))]
        error = float(np.max(np.abs(self._grid.scales * (ends[1] - ends[0])), initial=0.0))
        return self._ranks.largest(error if np.isfinite(error) else np.inf)

    def advance(self, stages: np.ndarray, dt: float) -> FloatArray:
        """Take a step, the one that was tried last where steps are tried; return the phases."""
        self._phases = self._higher(self._phases, stages, dt) if self._pair is None else self._tried
        return self._phases


def _splines(equation: Equation, tableau: Tableau) -> Step:
    margin = _MARGIN[equation.grid.dim]

    def step(phases: FloatArray, stages: np.ndarray, dt: float) -> FloatArray:
        return Advection.of(equation, stages[None], dt, tableau, equation.threads, margin).advance(phases)

    return step


def _nonuniform(equation: Equation, tableau: Tableau) -> Step:
    from eulerot.euler.particles.nonuniform import NonuniformAdvection

    return NonuniformAdvection(equation, tableau, equation.threads).advance
