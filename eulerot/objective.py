"""The cost of shooting and its exact gradient, equations (11), (12) and (12')."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from eulerot._types import FloatArray
from eulerot.coordinates import log_density, to_box, to_latent
from eulerot.errors import ResolutionError
from eulerot.euler.equations import VorticityEquation
from eulerot.euler.grid import Grid
from eulerot.euler.integrators import RK4, Tableau
from eulerot.euler.trajectory import Trajectory, required_steps
from eulerot.potential import HALF_SQUARE, Potential

__all__ = ["Objective"]

# A field that is faster still belongs to a line search that went too far
_MOST = 8


@dataclass(frozen=True)
class Objective:
    """``J(theta) = cost + lam R(w0)`` over pairs, with ``theta = w0 / |k|`` in the kinetic-energy metric.

    Parameters
    ----------
    z, x : ndarray, shape (n, 2)
        Latents, already rotated, and their images.
    grid : Grid
        A box.
    steps : int
        Steps of each geodesic; up to eight times as many where a field is too fast for them.
    segments : int
        The number of geodesics that are composed; `theta` holds one row for each.
    threads : int
        Threads over particles.
    potential : Potential
        ``phi`` of equation (12'); by default the cost is ``mean |x - s(z)|^2``.
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
    potential: Potential = HALF_SQUARE
    tableau: Tableau = RK4

    @property
    def size(self) -> int:
        """The number of unknowns."""
        return self.segments * self.grid.laplacian.size

    @cached_property
    def _equation(self) -> VorticityEquation:
        return VorticityEquation(self.grid)

    @cached_property
    def _start(self) -> FloatArray:
        return to_box(self.z)

    @cached_property
    def _scale(self) -> FloatArray:
        """Vorticity by unknown, such that ``1/2 |theta|^2`` is the kinetic energy."""
        return np.sqrt(self.grid.laplacian / self.grid.weights)

    @cached_property
    def stiffness(self) -> FloatArray:
        """Weights of the regularisation, ``R = 1/2 stiffness . theta^2``.

        A geodesic that is cut into `m` pieces keeps its R: each piece has a field ``1 / m`` as strong.
        """
        return self.segments * np.tile((self.grid.laplacian**2).ravel(), self.segments)

    def vorticity(self, theta: FloatArray) -> FloatArray:
        """Return the initial vorticities' coefficients, shape ``(segments, K, K)``."""
        return theta.reshape(self.segments, *self.grid.shape_hat) * self._scale

    def cut(self, theta: FloatArray, pieces: int) -> FloatArray:
        """Return the unknowns of `pieces` geodesics that together are the one of `theta`."""
        vorticity = self.vorticity(theta)[0]
        each = -(-self._enough_steps(vorticity) // pieces)
        _, stages = Trajectory(self._equation, self.tableau, 1.0, each * pieces).stages(vorticity)
        return (stages[::each, 0] / (pieces * self._scale)).ravel()

    def moved(self, theta: FloatArray) -> FloatArray:
        """Return ``s(z)``."""
        angles = self._start
        for vorticity in self.vorticity(theta):
            angles = self._trajectory(vorticity).transport(vorticity)[1].advance(angles)
        return to_latent(angles)

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

    def _trajectory(self, vorticity: FloatArray) -> Trajectory:
        """Return the run of a geodesic, in as many steps as its speed asks for."""
        return Trajectory(self._equation, self.tableau, 1.0, self._enough_steps(vorticity), self.threads)

    def _enough_steps(self, vorticity: FloatArray) -> int:
        needed = required_steps(self._equation, vorticity, 1.0, self.tableau.stability)
        return max(self.steps, min(needed, _MOST * self.steps))

    def _cost_and_gradient(self, theta: FloatArray) -> tuple[float, FloatArray]:
        angles, runs = self._start, []
        for vorticity in self.vorticity(theta):
            trajectory = self._trajectory(vorticity)
            _, angles, tape = trajectory.run(vorticity, angles)
            runs.append((trajectory, tape))
        latents = to_latent(angles)
        cost, multiplier = self._cost(latents)
        multiplier = multiplier * np.exp(-log_density(latents))
        gradient = np.empty((self.segments, *self.grid.shape_hat))
        for segment in reversed(range(self.segments)):
            trajectory, tape = runs[segment]
            by_field, multiplier = trajectory.adjoint(tape, None, multiplier)
            gradient[segment] = self.grid.weights * self._scale * by_field
        return cost, gradient.ravel()

    def _cost(self, latents: FloatArray) -> tuple[float, FloatArray]:
        """Return the cost of rearranged latents and its derivative by them, equation (12')."""
        n, dim = latents.shape
        values, slopes = self.potential(latents)
        each = np.sum(self.x**2, axis=1) - 2 * np.sum(self.x * latents, axis=1) + 2 * values
        return float(np.mean(each)) + dim - 2 * self.potential.mean, (slopes - self.x) * (2.0 / n)
