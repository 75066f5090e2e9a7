"""Compute the cost that geodesic shooting minimises, and its exact gradient; equations (11), (12) and (12')."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from eulerot._ranks import ALONE, Ranks
from eulerot._types import FloatArray
from eulerot.errors import ResolutionError
from eulerot.euler.equations import Equation, equation_of
from eulerot.euler.geodesic import Geodesic
from eulerot.euler.grid import Grid
from eulerot.euler.integrators import RK4, Tableau
from eulerot.euler.stepping import required_steps, time_steps
from eulerot.euler.trajectory import Trajectory
from eulerot.latent.chart import from_chart, log_density, to_chart
from eulerot.latent.circle import shortest
from eulerot.shooting.parametrisation import Parametrisation
from eulerot.shooting.potential import Potential, half_square, regressed_potential

__all__ = ["Objective", "angle_costs", "field_modes", "penalised"]

# Modes of a field, as it is fitted, for one of the unknowns. With as many as of the unknowns an optimiser leans on the
# truncation, and a tenth to a third of the excess left is more where it is resolved; with twice as many nothing is
# gained over this
_FIELD = 1.5


def field_modes(unknowns: int) -> int:
    """Return the modes an axis of the field, as it is fitted, for those of the unknowns.

    Examples
    --------
    >>> field_modes(16)
    24
    """
    return math.ceil(_FIELD * unknowns)


def penalised(
    cost_and_gradient: Callable[[FloatArray], tuple[float, FloatArray]], theta: FloatArray, stiffness: FloatArray
) -> tuple[float, FloatArray]:
    """Return a cost with the penalty ``1/2 stiffness . theta^2``, and its gradient.

    The cost is infinite where a field is too fast for its steps: see `Retreat`.
    """
    try:
        cost, gradient = cost_and_gradient(theta)
    except ResolutionError:
        return math.inf, np.zeros_like(theta)
    return cost + 0.5 * float(stiffness @ theta**2), gradient + stiffness * theta


def angle_costs(latents: FloatArray, x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the squared distance of each pair of angles, the shortest way round, and half its derivative by latents.

    Examples
    --------
    >>> angle_costs(np.array([[3.0]]), np.array([[3.5 - 2 * np.pi]]))
    (array([0.25]), array([[-0.5]]))
    """
    apart = shortest(x - latents, "torus")
    return np.sum(apart**2, axis=1), -apart


@dataclass(frozen=True)
class Objective:
    """Evaluate ``J(theta) = cost + lam R(w0)`` over pairs, with `theta` as in `Parametrisation`.

    Parameters
    ----------
    z, x : ndarray, shape (n, d)
        Latents, already rotated, and their images.
    grid : Grid
        A box; or a torus, and then latents and data are angles, and there is no potential. Its modes are those of the
        field as it moves.
    unknowns : Grid, optional
        The grid whose modes are the unknowns, those of the initial field; by default `grid`.
    steps : int
        Steps of each geodesic; up to `most` times as many where a field is too fast for them.
    geodesics : int
        The number of geodesics that are composed; `theta` holds one row for each.
    threads : int
        Threads over particles.
    potential : Potential
        ``phi`` of equation (12'); by default ``|y|^2 / 2``: the cost is ``mean |x - s(z)|^2``.
    tableau : Tableau
        The scheme.
    cosines : int or None
        Cosines an axis of the potentials that it estimates; see `regressed_potential`.
    ranks : Ranks
        The processes that share the pairs, all of which are given to each. Results do not depend on them.
    most : int
        See `steps`: a faster field comes from a line search that went too far.

    Examples
    --------
    >>> z = np.random.default_rng(0).standard_normal((50, 2))
    >>> objective = Objective(z, z + 1.0, Grid.from_modes(4))
    >>> value, gradient = objective(np.zeros(objective.size), 0.0)
    >>> round(value, 12), gradient.shape
    (2.0, (16,))
    """

    z: FloatArray
    x: FloatArray
    grid: Grid
    steps: int = 16
    geodesics: int = 1
    threads: int = 1
    potential: Potential | None = None
    tableau: Tableau = RK4
    unknowns: Grid | None = None
    cosines: int | None = None
    ranks: Ranks = ALONE
    most: int = 8

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the unknowns as fields, one for each geodesic; for boxes only."""
        return (self.geodesics, *self._parametrisation.shape)

    @property
    def size(self) -> int:
        """The number of unknowns."""
        return self.geodesics * self._parametrisation.size

    @cached_property
    def _equation(self) -> Equation:
        return equation_of(self.grid)

    @cached_property
    def _parametrisation(self) -> Parametrisation:
        return Parametrisation(self._equation, self.unknowns)

    @cached_property
    def _start(self) -> FloatArray:
        return to_chart(self.z, self.grid.domain)

    @cached_property
    def stiffness(self) -> FloatArray:
        """The weights of the regularisation, ``R = 1/2 stiffness . theta^2``.

        A geodesic that is cut into `m` pieces keeps its R: each piece has a field ``1 / m`` as strong.
        """
        return self.geodesics * np.tile(self._parametrisation.stiffness, self.geodesics)

    def fields(self, theta: FloatArray) -> list[np.ndarray]:
        """Return the coefficients of the initial fields, vorticities in the plane and velocities in space."""
        return [self._parametrisation.field(each) for each in theta.reshape(self.geodesics, -1)]

    def delivered(self, theta: FloatArray) -> list[Geodesic]:
        """Return the geodesics of the unknowns, with the default time scheme of `Geodesic`."""
        return [Geodesic.from_coefficients(field, self.grid, threads=self.threads) for field in self.fields(theta)]

    def cut(self, theta: FloatArray, pieces: int) -> FloatArray:
        """Return the unknowns of `pieces` geodesics whose composition is the geodesic of `theta`.

        Of the later fields they keep the modes of the unknowns; with all modes of the field it is the same map.
        """
        start = self.fields(theta)[0]
        each = math.ceil(self._enough_steps(start) / pieces)
        steps = each * pieces
        after = time_steps(self._equation, start, 1.0, steps, self.tableau, check_every=steps)
        later = [field.copy() for n, (_, _, field) in enumerate(after, start=1) if n % each == 0]
        return np.concatenate([self._parametrisation.theta(field) / pieces for field in [start, *later[:-1]]])

    def estimated_potential(self, theta: FloatArray) -> Potential | None:
        """Return the potential of equation (12') for the map of `theta`; None on the torus, where there is none."""
        latents, phases = self.moved(theta)
        if not self.grid.walls:
            return None
        return regressed_potential(latents, self.x, phases, m=self.cosines, threads=self.threads)

    def moved(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return ``s(z)`` and its coordinates in the domain of the geodesics."""
        phases = self._start
        for start in self.fields(theta):
            phases = self._trajectory(start).advection(start)[1].advance(phases)
        return from_chart(phases, self.grid.domain), phases

    def cost(self, theta: FloatArray) -> float:
        """Return the cost without the regularisation."""
        return self._cost(*self.moved(theta))[0]

    def costs(self, theta: FloatArray) -> FloatArray:
        """Return the cost of each pair without the regularisation, shape ``(n,)``; their mean is `cost`."""
        return self._pair_costs(*self.moved(theta))[0]

    def __call__(self, theta: FloatArray, regularisation: float) -> tuple[float, FloatArray]:
        """Return ``J`` and its gradient with respect to `theta`."""
        return penalised(self._cost_and_gradient, theta, regularisation * self.stiffness)

    def trajectory(self, theta: FloatArray) -> tuple[Trajectory, np.ndarray]:
        """Return the trajectory of one geodesic, and its initial field."""
        start = self._parametrisation.field(theta)
        return self._trajectory(start), start

    def gradient(self, by_field: np.ndarray) -> FloatArray:
        """Return the derivative by the unknowns of one geodesic, given that by its initial field."""
        return self._parametrisation.gradient(by_field)

    def _trajectory(self, start: FloatArray) -> Trajectory:
        """Return the trajectory of a geodesic, with as many steps as its speed requires."""
        steps = self._enough_steps(start)
        return Trajectory(self._equation, self.tableau, 1.0, steps, self.threads, ranks=self.ranks)

    def _enough_steps(self, start: FloatArray) -> int:
        needed = required_steps(self._equation, start, 1.0, self.tableau.stability)
        return max(self.steps, min(needed, self.most * self.steps))

    def _cost_and_gradient(self, theta: FloatArray) -> tuple[float, FloatArray]:
        phases, recorded = self._start, []
        for start in self.fields(theta):
            trajectory = self._trajectory(start)
            _, phases, tape = trajectory.recorded(start, phases)
            recorded.append((trajectory, tape))
        latents = from_chart(phases, self.grid.domain)
        cost, multiplier = self._cost(latents, phases)
        if self.grid.walls:
            multiplier = multiplier * np.exp(-log_density(latents))
        gradient = np.empty((self.geodesics, self._parametrisation.size))
        for number in reversed(range(self.geodesics)):
            trajectory, tape = recorded[number]
            by_field, multiplier = trajectory.adjoint(tape, None, multiplier)
            gradient[number] = self._parametrisation.gradient(by_field)
        return cost, gradient.ravel()

    def _cost(self, latents: FloatArray, phases: FloatArray) -> tuple[float, FloatArray]:
        """Return the cost of rearranged latents and its derivative with respect to them, equation (12')."""
        each, slopes = self._pair_costs(latents, phases)
        return float(np.mean(each)), slopes * (2.0 / len(latents))

    def _pair_costs(self, latents: FloatArray, phases: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the cost of each pair and half its derivative by the latents."""
        if not self.grid.walls:
            return angle_costs(latents, self.x)
        potential = self.potential or half_square(latents.shape[1])
        return potential.pair_costs(latents, self.x, phases)
