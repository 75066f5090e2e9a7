"""Steps whose length follows from a tolerance: an embedded pair of Runge-Kutta schemes tells the error of each."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from eulerot.errors import ResolutionError
from eulerot.euler import invariants
from eulerot.euler.equations import Equation
from eulerot.euler.integrators import RK4, EmbeddedPair, EmbeddedRungeKutta
from eulerot.euler.stepping import COURANT, required_steps

__all__ = ["adaptive_steps"]

# A step aims at this share of the length that would just do, and changes by these factors at most
_SAFETY, _LEAST, _MOST = 0.9, 0.2, 5.0
# Shorter steps than this share of the duration are no longer told from rounding
_SHORTEST = 1e-9


def adaptive_steps(
    equation: Equation,
    field: np.ndarray,
    time: float,
    pair: EmbeddedPair,
    tolerance: float,
    *,
    stages: np.ndarray | None = None,
    misfit: Callable[[np.ndarray, float], float] | None = None,
) -> Iterator[tuple[float, float, np.ndarray]]:
    """Yield the time, the step and the field after each step, the field in one of two arrays in turn.

    The difference between the two schemes of a pair is the error of the lower one, of order ``dt^5`` for a pair of
    orders 5 and 4. A step is taken where it is below the tolerance, with the higher scheme; the next aims at 0.9 of the
    length that would just have done. So errors at the end are proportional to the tolerance.

    Parameters
    ----------
    equation : Equation
        The equation of the field.
    field : ndarray
        The field at time zero.
    time : float
        Duration of all steps, the last of which ends exactly there; negative to go back.
    pair : EmbeddedPair
        The two schemes.
    tolerance : float
        What the error of a step may be: of the field, the root mean square of the vorticity in shares of the field's.
    stages : ndarray, shape (1, stages + 1, ...), optional
        Room for the stage fields of a step, and the field at its end.
    misfit : callable, optional
        Returns another error of the step that was tried, given its stage fields and its length, which is held against
        the tolerance too: that of the particles.

    Raises
    ------
    ResolutionError
        If no step is short enough.
    """
    scheme, spare = EmbeddedRungeKutta(equation, pair, field), (equation.zeros(), equation.zeros())
    now, n, grown = 0.0, 0, _MOST
    # the first step is tried as long as a run without a tolerance would take it
    length = abs(time) / required_steps(equation, field, time, COURANT * RK4.stability)
    while abs(now) < abs(time) or n == 0:
        left = abs(time - now)
        last = length >= left
        dt = math.copysign(left if last else min(length, left / 2), time)
        error = _error(scheme.attempt(field, dt, spare[n % 2], None if stages is None else stages[0]), field, equation)
        if misfit is not None and stages is not None and error <= tolerance:
            error = max(error, misfit(stages[0], dt))
        share = error / tolerance
        wanted = _SAFETY * share ** (-1 / pair.tableau.order) if 0 < share < np.inf else _MOST if share == 0 else _LEAST
        length = abs(dt) * min(max(wanted, _LEAST), grown)
        if share <= 1:
            scheme.accept()
            field, now, n, grown = spare[n % 2], time if last else now + dt, n + 1, _MOST
            yield now, dt, field
        else:
            grown = 1.0  # the step after one that failed does not grow
            if length < _SHORTEST * abs(time):
                raise ResolutionError(
                    f"tolerance: expected one that steps of {_SHORTEST:g} of the duration meet; got {tolerance:g}, "
                    f"where the error is {error:.2g} after {n} steps. Raise tolerance, or take more points."
                )


def _error(difference: np.ndarray, field: np.ndarray, equation: Equation) -> float:
    """Return the root mean square of a vorticity in shares of a field's; infinity if it is not finite."""
    error, whole = invariants.enstrophy(difference, equation.grid), invariants.enstrophy(field, equation.grid)
    if not np.isfinite(error):
        return np.inf
    return math.sqrt(error / whole) if whole > 0 else 0.0
