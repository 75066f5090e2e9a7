"""Define the velocities that geodesics are compared with: steady fields in turn, with a penalty or without."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eulerot.euler.trajectory import Trajectory
from eulerot.shooting.objective import Objective

__all__ = ["Free"]


@dataclass(frozen=True)
class Steady(Trajectory):
    """Carries particles in a field that stays as it is, whatever the Euler equations say."""

    def stages(self, start: np.ndarray, steps: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return the field and its stages, which are all the same."""
        count = self.steps if steps is None else steps
        return start, np.broadcast_to(start, (count, self.tableau.stages, *start.shape)).copy()

    def adjoint(self, tape: list, field_bar: None, positions_bar: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return derivatives by the field and by the positions at the start."""
        total = self.equation.zeros()
        while tape:
            piece = tape.pop()
            if piece.record is None:
                self._follow(piece, keep=True)
            carrier_bar, positions_bar = piece.advection.adjoint(piece.record, positions_bar)
            total += self.equation.carrier(carrier_bar).sum(axis=(0, 1))
        return total, positions_bar


@dataclass(frozen=True)
class Free(Objective):
    """The objective of steady stream functions in turn, with `penalty` times their Euler residual.

    The residual is ``m^3 sum |w' - w - T((w + w') / 2)|^2`` over neighbours in time, in the norm of the kinetic energy;
    fields are those of unit time a piece, hence the power of m.
    """

    penalty: float = 0.0

    def _trajectory(self, vorticity: np.ndarray) -> Steady:
        return Steady(self._equation, self.tableau, 1.0, self._enough_steps(vorticity), self.threads)

    def __call__(self, theta: np.ndarray, regularisation: float) -> tuple[float, np.ndarray]:
        """Return ``J`` and its gradient, the penalty included."""
        value, gradient = super().__call__(theta, regularisation)
        if self.penalty == 0:
            return value, gradient
        residual, by_theta = self.residual(theta)
        return value + self.penalty * residual, gradient + self.penalty * by_theta

    def residual(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the Euler residual and its gradient."""
        fields, total = np.array(self.fields(theta)), 0.0
        gradient, tendency, back = np.zeros_like(fields), self._equation.zeros(), self._equation.zeros()
        for j in range(self.geodesics - 1):
            middle = 0.5 * (fields[j] + fields[j + 1])
            self._equation.tendency(middle, tendency)
            difference = (fields[j + 1] - fields[j] - tendency) * self.geodesics**1.5
            multiplier = 2 * difference / self.grid.laplacian * self.geodesics**1.5
            total += float(np.sum(self.grid.weights * difference**2 / self.grid.laplacian))
            self._equation.adjoint(middle, multiplier, back)
            gradient[j] += -multiplier - 0.5 * back
            gradient[j + 1] += multiplier - 0.5 * back
        return total, np.concatenate([self._parametrisation.gradient(each) for each in gradient])
