"""Jacobi fields: how the end of a geodesic moves with its initial velocity, the derivative of its discrete steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from eulerot._types import FloatArray
from eulerot.euler.equations import Equation, equation_of
from eulerot.euler.geodesic import Geodesic
from eulerot.euler.integrators import Tableau
from eulerot.euler.particles.advection import Advection
from eulerot.euler.particles.phases import to_phases
from eulerot.euler.trajectory import Trajectory

__all__ = ["jacobi_field"]

# One step of it is the velocity, and the identity plus the velocity's gradient
_ONCE = Tableau("Euler", np.zeros((1, 1)), np.ones(1), 1, 0.0)


def jacobi_field(geodesic: Geodesic, direction: ArrayLike, positions: ArrayLike) -> FloatArray:
    """Return the derivative of a geodesic's end at positions by its initial field, in one direction; equation (26).

    It is the Jacobi field that vanishes at the start: ``lim (X^e - X) / e``, with `X^e` the flow of ``field0 + e
    direction``, at the end. Exact for the numbers that the code computes, as `Geodesic.gradient` is, whose transpose it
    is in this direction. Where it vanishes everywhere the ends are conjugate, see `conjugate_time`.

    Parameters
    ----------
    geodesic : Geodesic
        The geodesic. Its field has to take the steps of its particles.
    direction : array_like
        The change of the initial field, of the shape of ``geodesic.field0``.
    positions : array_like, shape (n, d)
        Where particles start.

    Returns
    -------
    ndarray, shape (n, d)
        How fast their ends move.

    Raises
    ------
    ValueError
        If an argument does not fit, or if the field has steps of its own.

    See Also
    --------
    eulerot.sectional_curvature : The curvature of volume-preserving maps.
    eulerot.conjugate_time : When neighbouring geodesics meet again.
    eulerot.Geodesic : A geodesic and its flow map.

    References
    ----------
    V. I. Arnold, Ann. Inst. Fourier 16:319 (1966), https://doi.org/10.5802/aif.233.

    Examples
    --------
    >>> from eulerot import Grid
    >>> grid = Grid((16, 16))
    >>> x, y = grid.mesh()
    >>> geodesic = Geodesic(np.cos(y), grid, time=2.0)  # the shear u = -sin y, v = 0
    >>> np.round(jacobi_field(geodesic, np.cos(y), [[1.0, np.pi / 2]]), 6)
    array([[-2.,  0.]])
    """
    grid, equation = geodesic.grid, equation_of(geodesic.grid)
    if geodesic.field_steps is not None:
        raise ValueError(
            f"geodesic: expected one whose field takes the steps of its particles; got field_steps="
            f"{geodesic.field_steps}. Pass geodesic.in_steps(n)."
        )
    values = grid.checked_field("direction", direction, components=0 if grid.dim == 2 else 3)
    change, start = equation.analysed(values), to_phases(grid.checked_positions("positions", positions), grid)
    size = float(np.abs(change).max())
    if size == 0.0:
        return np.zeros_like(start)
    # of the field's own size, so that sums and differences of the two lose no digits
    unit = max(float(np.abs(geodesic.field0_hat).max()), 1e-300) / size if geodesic.field0_hat.any() else 1.0 / size
    trajectory = Trajectory(equation, geodesic.tableau, geodesic.time, geodesic.steps)
    _, stages = trajectory.stages(geodesic.field0_hat)
    changes = _changes(equation, geodesic.tableau, stages, unit * change, geodesic.time / geodesic.steps)
    return _moved(equation, geodesic, stages, changes, start) / unit / grid.scales


def _changes(equation: Equation, tableau: Tableau, stages: np.ndarray, change: np.ndarray, dt: float) -> np.ndarray:
    """Return the changes of the stage fields, of the shape of `stages`."""
    changes = np.zeros_like(stages)
    for n, fields in enumerate(stages):
        slopes: list[np.ndarray] = []
        for i, field in enumerate(fields):
            changes[n, i] = change + dt * _sum(tableau.a[i], slopes)
            # the tendency is quadratic, so that this difference is its derivative
            both = (equation.tendency(field + changes[n, i]), equation.tendency(field - changes[n, i]))
            slopes.append(0.5 * (both[0] - both[1]))
        change = change + dt * _sum(tableau.b, slopes)
    return changes


def _moved(
    equation: Equation, geodesic: Geodesic, stages: np.ndarray, changes: np.ndarray, start: FloatArray
) -> FloatArray:
    """Return the changes of the final phases."""
    tableau, dt, threads = geodesic.tableau, geodesic.time / geodesic.steps, geodesic.threads
    phases, moved = start, np.zeros_like(start)
    for fields, varied in zip(stages, changes, strict=True):
        slopes: list[FloatArray] = []
        rates: list[FloatArray] = []
        for weights, field, change in zip(tableau.a, fields, varied, strict=True):
            here, shifted = phases + dt * _sum(weights, slopes), moved + dt * _sum(weights, rates)
            carried, other = (Advection.of(equation, each[None, None], 1.0, _ONCE, threads) for each in (field, change))
            end, jacobian = carried.advance_jacobian(here)
            slopes.append(end - here)
            rates.append(np.einsum("nij,nj->ni", jacobian, shifted) - shifted + (other.advance(here) - here))
        phases, moved = phases + dt * _sum(tableau.b, slopes), moved + dt * _sum(tableau.b, rates)
    return moved


def _sum(weights: FloatArray, slopes: list) -> np.ndarray | float:
    return sum((w * slope for w, slope in zip(weights, slopes, strict=False) if w != 0.0), start=0.0)
