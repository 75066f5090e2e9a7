"""The loop over the steps of a field; it checks that they are short enough and that the field stays finite."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from eulerot.errors import ResolutionError
from eulerot.euler.equations import Equation
from eulerot.euler.integrators import RungeKutta, Tableau

__all__ = ["COURANT", "required_steps", "time_steps"]

# The step in shares of the longest stable one, if nothing else is said
COURANT = 0.5

# A fixed step is checked against the field's speed every so many steps
_CHECK_EVERY = 16


def required_steps(equation: Equation, field: np.ndarray, time: float, stability: float) -> int:
    """Return the least number of steps with ``dt max(sum_i |u_i| K_i) <= stability``."""
    rate = equation.fastest(field, np.array(equation.grid.modes) * equation.grid.scales)
    if not np.isfinite(rate):
        raise ResolutionError("steps: the velocity is no longer finite; raise steps, or take fewer modes.")
    return max(1, int(np.ceil(abs(time) * rate / stability)))


def time_steps(
    equation: Equation,
    field: np.ndarray,
    time: float,
    steps: int,
    tableau: Tableau,
    *,
    first: int | None = None,
    courant: float | None = None,
    check_every: int = _CHECK_EVERY,
    stages: np.ndarray | None = None,
    tendencies: np.ndarray | None = None,
    whole: tuple[float, int] | None = None,
) -> Iterator[tuple[float, float, np.ndarray]]:
    """Yield the time, the step and the field after each step, the field in one of two arrays in turn.

    Parameters
    ----------
    equation : Equation
        The equation of the field.
    field : ndarray
        The field at time zero.
    time : float
        Duration of all steps; negative to go back.
    steps : int
        Their number.
    tableau : Tableau
        The scheme.
    first : int, optional
        How many of the steps to take, if not all.
    courant : float, optional
        Keep steps below this share of the longest stable one: where the field speeds up they grow shorter, and there
        are more of them than `steps`.
    check_every : int
        Without a Courant number the stability of the steps is checked every so many of them.
    stages : ndarray, shape (m, stages, ...), optional
        Room for the stage fields of the last `m` steps: those of step `n` go to place ``n % m``.
    tendencies : ndarray, shape (steps, ...), optional
        Room for the tendency of the field that each step begins with.
    whole : (float, int), optional
        Duration and steps of the run of which these steps are a part: their stability is checked, and their number
        named in errors, instead.

    Raises
    ------
    ResolutionError
        If there is no Courant number and the steps are too long for the scheme to be stable, or if the field does not
        stay finite.
    """
    scheme, spare = RungeKutta(equation, tableau), (equation.zeros(), equation.zeros())
    start, dt, done, n = 0.0, time / steps, 0, 0  # steps since `start` have been alike
    last = steps if first is None else first
    while done < last:
        if courant is None and n % check_every == 0:
            _check_stable(equation, field, *(whole or (time, steps)), tableau)
        elif courant is not None and n % _CHECK_EVERY == 0:
            now = start + done * dt
            needed = required_steps(equation, field, time - now, courant * tableau.stability)
            if needed > steps - done:
                start, dt, steps, last, done = now, (time - now) / needed, needed, needed, 0
        scheme.step(field, dt, spare[n % 2], None if stages is None else stages[n % len(stages)])
        if tendencies is not None:
            tendencies[n] = scheme.tendency
        field, n, done = spare[n % 2], n + 1, done + 1
        yield (start + done * dt if done < steps else time), dt, field
    if not equation.is_finite(field):
        taken = steps if whole is None else whole[1]
        raise ResolutionError(f"steps: the field is no longer finite; got {taken} steps. Raise steps.")


def _check_stable(equation: Equation, field: np.ndarray, time: float, steps: int, tableau: Tableau) -> None:
    """Raise `ResolutionError` if the steps are too long for the scheme to be stable with this field."""
    needed = required_steps(equation, field, time, tableau.stability)
    if steps < needed:
        raise ResolutionError(
            f"steps: expected at least {needed} for {tableau.name} to be stable with this field on this grid; got "
            f"{steps}. Raise steps."
        )
