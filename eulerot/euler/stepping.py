"""The loop over the steps of a field; it checks that they are short enough and that the field stays finite."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from eulerot._types import FloatArray
from eulerot.errors import ResolutionError
from eulerot.euler.equations import Equation
from eulerot.euler.integrators import RungeKutta, Tableau

__all__ = ["leg_counts", "leg_ends", "leg_steps", "required_steps", "time_steps"]

# A fixed step is checked against the field's speed every so many steps
_CHECK_EVERY = 16
# Rounding in the share of a leg must not cost a step
_ROUNDED = 1e-12


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
        field, n, done = spare[n % 2], n + 1, done + 1
        yield (start + done * dt if done < steps else time), dt, field
    if not equation.is_finite(field):
        taken = steps if whole is None else whole[1]
        raise ResolutionError(f"steps: the field is no longer finite; got {taken} steps. Raise steps.")


def leg_ends(save_at: FloatArray, time: float, start: float = 0.0) -> list[float]:
    """Return where the legs of a run end: at the times to save that lie beyond its start, and at its end.

    Examples
    --------
    >>> leg_ends(np.array([0.0, 0.5]), 2.0)
    [0.5, 2.0]
    """
    ends = [end for end in save_at.tolist() if abs(end) > abs(start)]
    return ends if ends and ends[-1] == time else [*ends, time]


def leg_counts(ends: list[float], steps: int, start: float = 0.0) -> list[int]:
    """Return the steps of each leg: its share of those from time zero to the last end, rounded up.

    So none is longer than those of a run without legs.

    Examples
    --------
    >>> leg_counts([0.3, 0.55, 1.0], 10)
    [3, 3, 5]
    """
    lengths = np.diff([start, *ends])
    shares = [1.0 if length == ends[-1] else length / ends[-1] for length in lengths]
    return [max(1, math.ceil(steps * share * (1 - _ROUNDED))) for share in shares]


def leg_steps(
    equation: Equation,
    field: np.ndarray,
    ends: list[float],
    tableau: Tableau,
    *,
    start: float = 0.0,
    steps: int | None = None,
    courant: float = 1.0,
    stages: np.ndarray | None = None,
) -> Iterator[tuple[float, float, np.ndarray, bool]]:
    """Yield what `time_steps` does over legs, at whose ends a step ends exactly, and whether the leg is complete.

    Each leg begins afresh with the field at its start, so that a run that begins there has the same bits.

    Parameters
    ----------
    equation, field, tableau, stages
        As in `time_steps`.
    ends : list of float
        Where the legs end, in the order in which they are met.
    start : float
        The time of `field`.
    steps : int, optional
        Steps from time zero to the last end, if they do not follow from `courant`. A leg takes its share, rounded up.
    courant : float
        The step in shares of the longest stable one, where `steps` is not given.
    """
    whole = None if steps is None else (ends[-1], steps)
    counts = [None] * len(ends) if steps is None else leg_counts(ends, steps, start)
    for end, given in zip(ends, counts, strict=True):
        length = end - start
        count = given or required_steps(equation, field, length, courant * tableau.stability)
        share = courant if steps is None else None
        leg = time_steps(equation, field, length, count, tableau, courant=share, stages=stages, whole=whole)
        for now, dt, field in leg:
            complete = now == length
            yield (end if complete else start + now), dt, field, complete
        start = end


def _check_stable(equation: Equation, field: np.ndarray, time: float, steps: int, tableau: Tableau) -> None:
    """Raise `ResolutionError` if the steps are too long for the scheme to be stable with this field."""
    needed = required_steps(equation, field, time, tableau.stability)
    if steps < needed:
        raise ResolutionError(
            f"steps: expected at least {needed} for {tableau.name} to be stable with this field on this grid; got "
            f"{steps}. Raise steps."
        )
