"""The cost of shooting and its exact gradient, equations (11), (12) and (12')."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from eulerot._types import FloatArray
from eulerot.coordinates import from_chart, log_density, to_chart
from eulerot.errors import ResolutionError
from eulerot.euler.equations import Equation, equation_of
from eulerot.euler.geodesic import Geodesic
from eulerot.euler.grid import Grid
from eulerot.euler.integrators import RK4, Tableau
from eulerot.euler.trajectory import Trajectory, required_steps
from eulerot.potential import Potential, half_square
from eulerot.transport import shortest
from eulerot.unknowns import Unknowns

__all__ = ["Objective"]

# A field that is faster still belongs to a line search that went too far
_MOST = 8


@dataclass(frozen=True)
class Objective:
    """``J(theta) = cost + lam R(w0)`` over pairs, with `theta` in the kinetic-energy metric, see `Unknowns`.

    Parameters
    ----------
    z, x : ndarray, shape (n, d)
        Latents, already rotated, and their images.
    grid : Grid
        A box; or a torus, and then latents and data are angles, and there is no potential.
    steps : int
        Steps of each geodesic; up to eight times as many where a field is too fast for them.
    segments : int
        The number of geodesics that are composed; `theta` holds one row for each.
    threads : int
        Threads over particles.
    potential : Potential
        ``phi`` of equation (12'); by default ``|y|^2 / 2``: the cost is ``mean |x - s(z)|^2``.
    tableau : Tableau
        The scheme.

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
    segments: int = 1
    threads: int = 1
    potential: Potential | None = None
    tableau: Tableau = RK4

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the unknowns as fields, one for each geodesic; in boxes only."""
        return (self.segments, *self._equation.shape)

    @property
    def size(self) -> int:
        """The number of unknowns."""
        return self.segments * self._unknowns.size

    @cached_property
    def _equation(self) -> Equation:
        return equation_of(self.grid)

    @cached_property
    def _unknowns(self) -> Unknowns:
        return Unknowns(self._equation)

    @cached_property
    def _start(self) -> FloatArray:
        return to_chart(self.z, self.grid.domain)

    @cached_property
    def stiffness(self) -> FloatArray:
        """Weights of the regularisation, ``R = 1/2 stiffness . theta^2``.

        A geodesic that is cut into `m` pieces keeps its R: each piece has a field ``1 / m`` as strong.
        """
        return self.segments * np.tile(self._unknowns.stiffness, self.segments)

    def fields(self, theta: FloatArray) -> list[np.ndarray]:
        """Return the coefficients of the initial fields, vorticities in the plane and velocities in space."""
        return [self._unknowns.field(each) for each in theta.reshape(self.segments, -1)]

    def geodesics(self, theta: FloatArray) -> list[Geodesic]:
        """Return the geodesics of the unknowns, by the default scheme of a geodesic."""
        values = [self._equation.synthesised(field) for field in self.fields(theta)]
        return [Geodesic(field, self.grid, threads=self.threads) for field in values]

    def cut(self, theta: FloatArray, pieces: int) -> FloatArray:
        """Return the unknowns of `pieces` geodesics that together are the one of `theta`."""
        start = self.fields(theta)[0]
        each = -(-self._enough_steps(start) // pieces)
        _, stages = Trajectory(self._equation, self.tableau, 1.0, each * pieces).stages(start)
        return np.concatenate([self._unknowns.theta(field) / pieces for field in stages[::each, 0]])

    def moved(self, theta: FloatArray) -> FloatArray:
        """Return ``s(z)``."""
        angles = self._start
        for start in self.fields(theta):
            angles = self._trajectory(start).transport(start)[1].advance(angles)
        return from_chart(angles, self.grid.domain)

    def cost(self, theta: FloatArray) -> float:
        """Return the cost alone."""
        return self._cost(self.moved(theta))[0]

    def __call__(self, theta: FloatArray, regularisation: float) -> tuple[float, FloatArray]:
        """Return ``J`` and its gradient by `theta`."""
        stiffness = regularisation * self.stiffness
        try:
            cost, gradient = self._cost_and_gradient(theta)
        except ResolutionError:
            # too fast for the steps: a steep bowl sends the line search back, where a NaN would end it
            return 1e6 * (1.0 + float(theta @ theta)), 2e6 * theta
        return cost + 0.5 * float(stiffness @ theta**2), gradient + stiffness * theta

    def _trajectory(self, start: FloatArray) -> Trajectory:
        """Return the run of a geodesic, in as many steps as its speed asks for."""
        return Trajectory(self._equation, self.tableau, 1.0, self._enough_steps(start), self.threads)

    def _enough_steps(self, start: FloatArray) -> int:
        needed = required_steps(self._equation, start, 1.0, self.tableau.stability)
        return max(self.steps, min(needed, _MOST * self.steps))

    def _cost_and_gradient(self, theta: FloatArray) -> tuple[float, FloatArray]:
        angles, runs = self._start, []
        for start in self.fields(theta):
            trajectory = self._trajectory(start)
            _, angles, tape = trajectory.run(start, angles)
            runs.append((trajectory, tape))
        latents = from_chart(angles, self.grid.domain)
        cost, multiplier = self._cost(latents)
        if self.grid.walls:
            multiplier = multiplier * np.exp(-log_density(latents))
        gradient = np.empty((self.segments, self._unknowns.size))
        for segment in reversed(range(self.segments)):
            trajectory, tape = runs[segment]
            by_field, multiplier = trajectory.adjoint(tape, None, multiplier)
            gradient[segment] = self._unknowns.gradient(by_field)
        return cost, gradient.ravel()

    def _cost(self, latents: FloatArray) -> tuple[float, FloatArray]:
        """Return the cost of rearranged latents and its derivative by them, equation (12')."""
        n, dim = latents.shape
        if not self.grid.walls:
            way = shortest(self.x - latents, "torus")
            return float(np.mean(np.sum(way**2, axis=1))), way * (-2.0 / n)
        potential = self.potential or half_square(dim)
        values, slopes = potential(latents)
        each = np.sum(self.x**2, axis=1) - 2 * np.sum(self.x * latents, axis=1) + 2 * values
        return float(np.mean(each)) + dim - 2 * potential.mean, (slopes - self.x) * (2.0 / n)
