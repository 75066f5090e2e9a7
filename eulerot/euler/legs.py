"""The legs of a solve, which end where it is saved, and what the length of their steps follows from."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from eulerot._types import FloatArray
from eulerot.checks import checked_count, checked_number
from eulerot.euler.adaptive import adaptive_steps
from eulerot.euler.equations import Equation
from eulerot.euler.integrators import DOPRI5, RK4, EmbeddedPair
from eulerot.euler.stepping import COURANT, required_steps, time_steps

__all__ = ["StepControl", "leg_ends", "leg_steps"]

# Rounding in the share of a leg must not cost a step
_ROUNDED = 1e-12


@dataclass(frozen=True)
class StepControl:
    """What the steps of a solve follow from: their number, a Courant number, or a tolerance.

    Parameters
    ----------
    steps : int, optional
        Steps from time zero to the end. A leg takes its share, rounded up.
    courant : float, optional
        The step in shares of the longest stable one, where `steps` is not given.
    tolerance : float, optional
        What the error of a step may be, see `adaptive_steps`.

    Raises
    ------
    ValueError
        If one is out of its range, or if a tolerance is given with another.
    """

    steps: int | None = None
    courant: float | None = None
    tolerance: float | None = None

    def __post_init__(self) -> None:
        if self.courant is not None:
            checked_number("courant", self.courant, "a share in (0, 1]", lambda share: 0 < share <= 1)
        if self.steps is not None:
            object.__setattr__(self, "steps", checked_count("steps", self.steps))
        if self.tolerance is not None:
            checked_number("tolerance", self.tolerance, "a number in (0, 1), or None", lambda most: 0 < most < 1)
            for name in ("steps", "courant"):
                if (given := getattr(self, name)) is not None:
                    raise ValueError(
                        f"tolerance: expected no {name} beside it, for the steps follow from either; got "
                        f"tolerance={self.tolerance:g} and {name}={given}. Leave one of them out."
                    )

    @property
    def pair(self) -> EmbeddedPair | None:
        """Return the schemes of steps that follow from a tolerance; None for those of RK4."""
        return None if self.tolerance is None else DOPRI5

    @property
    def stages(self) -> int:
        """Return the number of fields that a step leaves to the particles."""
        return RK4.stages if self.pair is None else self.pair.tableau.stages + 1

    @property
    def share(self) -> float:
        """Return the step in shares of the longest stable one, where it follows from a Courant number."""
        return COURANT if self.courant is None else self.courant

    def expected(self, equation: Equation, field: np.ndarray, ends: list[float], start: float) -> int | None:
        """Return about how many steps there are, if that can be told."""
        if self.tolerance is not None:
            return None
        steps = self.steps or required_steps(equation, field, ends[-1], self.share * RK4.stability)
        return sum(leg_counts(ends, steps, start))


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
    control: StepControl,
    *,
    start: float = 0.0,
    stages: np.ndarray | None = None,
    misfit: Callable[[np.ndarray, float], float] | None = None,
) -> Iterator[tuple[float, float, np.ndarray, bool]]:
    """Yield the time, the step, the field after it and whether it ends a leg, whose end is hit exactly.

    Each leg begins afresh with the field at its start, so that a run that begins there has the same bits.

    Parameters
    ----------
    equation : Equation
        The equation of the field.
    field : ndarray
        The field at the start.
    ends : list of float
        Where the legs end, in the order in which they are met.
    control : StepControl
        What the steps follow from.
    start : float
        The time of `field`.
    stages : ndarray, shape (1, control.stages, ...), optional
        Room for the stage fields of a step.
    misfit : callable, optional
        The error of the particles, see `adaptive_steps`.
    """
    counts = [None] * len(ends) if control.steps is None else leg_counts(ends, control.steps, start)
    for end, count in zip(ends, counts, strict=True):
        length = end - start
        for now, dt, after in _leg(equation, field, length, control, count, ends[-1], stages, misfit):
            complete = now == length
            yield (end if complete else start + now), dt, after, complete
        start, field = end, after


def _leg(
    equation: Equation,
    field: np.ndarray,
    length: float,
    control: StepControl,
    count: int | None,
    end: float,
    stages: np.ndarray | None,
    misfit: Callable[[np.ndarray, float], float] | None,
) -> Iterator[tuple[float, float, np.ndarray]]:
    """Return the steps of one leg."""
    if control.pair is not None and control.tolerance is not None:
        return adaptive_steps(equation, field, length, control.pair, control.tolerance, stages=stages, misfit=misfit)
    if count is not None:
        assert control.steps is not None
        return time_steps(equation, field, length, count, RK4, stages=stages, whole=(end, control.steps))
    count = required_steps(equation, field, length, control.share * RK4.stability)
    return time_steps(equation, field, length, count, RK4, courant=control.share, stages=stages)
