"""Explicit Runge-Kutta schemes as data; one step of the field, and the adjoint of that step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.integrate import DOP853 as _SCIPY_DOP853

from eulerot._types import FloatArray
from eulerot.euler.equations import VorticityEquation

__all__ = ["DOP853", "RK4", "Tableau", "adjoint_step", "step"]


@dataclass(frozen=True)
class Tableau:
    """An explicit Runge-Kutta scheme: stage weights `a` (strictly lower triangular), step weights `b`, its order.

    `stability` is the length of the imaginary axis in its region of stability, the limit of ``dt |u| k`` for advection.
    """

    name: str
    a: FloatArray
    b: FloatArray
    order: int
    stability: float

    @property
    def stages(self) -> int:
        """The number of stages."""
        return len(self.b)


RK4 = Tableau(
    "RK4",
    a=np.array([[0, 0, 0, 0], [0.5, 0, 0, 0], [0, 0.5, 0, 0], [0, 0, 1, 0]], dtype=float),
    b=np.array([1, 2, 2, 1]) / 6,
    order=4,
    stability=2.82,
)
# Hairer, Norsett, Wanner, Solving Ordinary Differential Equations I, section II.10
DOP853 = Tableau("DOP853", a=_SCIPY_DOP853.A.copy(), b=_SCIPY_DOP853.B.copy(), order=8, stability=5.9)


def step(equation: VorticityEquation, field: np.ndarray, dt: float, tableau: Tableau) -> tuple[np.ndarray, np.ndarray]:
    """Advance the field by one step; return the new field and the stage fields, shape ``(stages, ...)``.

    The particles need the stage fields: their stages must see the field at their own stage times, or the flow map is of
    first order only.
    """
    stages = np.empty((tableau.stages, *field.shape), dtype=field.dtype)
    slopes = np.empty_like(stages)
    for i in range(tableau.stages):
        stages[i] = field + dt * np.tensordot(tableau.a[i, :i], slopes[:i], axes=1) if i else field
        slopes[i] = equation.tendency(stages[i])
    return field + dt * np.tensordot(tableau.b, slopes, axes=1), stages


def adjoint_step(
    equation: VorticityEquation,
    stages: np.ndarray,
    multiplier: np.ndarray,
    dt: float,
    tableau: Tableau,
    sources: np.ndarray,
) -> np.ndarray:
    """Take a multiplier back over one step, DESIGN equation (11).

    Parameters
    ----------
    equation : VorticityEquation
        The equation that was advanced.
    stages : ndarray, shape (stages, ...)
        The stage fields of that step.
    multiplier : ndarray
        Derivative by the field after the step.
    dt : float
        The step.
    tableau : Tableau
        The scheme.
    sources : ndarray, shape (stages, ...)
        Derivatives by the stage fields themselves, as the particles leave them.

    Returns
    -------
    ndarray
        Derivative by the field before the step.
    """
    back = np.empty_like(stages)  # derivative by each stage field
    for i in reversed(range(tableau.stages)):
        slope_bar = tableau.b[i] * multiplier
        if i + 1 < tableau.stages:
            slope_bar = slope_bar + np.tensordot(tableau.a[i + 1 :, i], back[i + 1 :], axes=1)
        back[i] = equation.adjoint(stages[i], dt * slope_bar) + sources[i]
    return multiplier + back.sum(axis=0)
