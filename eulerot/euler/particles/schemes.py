"""Schemes of particles as data: a step is a linear combination of its own slopes and of those of steps before it.

A Runge-Kutta scheme has slopes of its own alone. Adams' scheme has one, and asks for the velocity once a step:
positions are predicted from the last slopes, the velocity there is one slope more, and the positions are corrected by
all of them. It takes half of the velocities that DOP853 does for the same error, but where steps are long: then it is
unstable, first of all at walls, where positions fall by orders of magnitude and are to keep their digits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eulerot._types import FloatArray
from eulerot.euler.dormand_prince import DOP853_A, DOP853_B, DOP853_DENSE, DOP853_MORE
from eulerot.euler.integrators import DOP853, Tableau

__all__ = ["LEAST", "EqualSteps", "adams", "first_step", "multistep", "runge_kutta"]

# The fewest steps of DOP853 that are worth another scheme, whose beginning takes most of two
LEAST = 3


@dataclass(frozen=True)
class EqualSteps:
    """Equal steps of one scheme.

    Parameters
    ----------
    count : int
        How many.
    dt : float
        The step; negative to go back in time.
    weights : ndarray, shape (stages + 1, past + stages)
        Of the slopes of steps before, the oldest first, and of the step's own, in the state that each stage sees and,
        in the last row, at the end of the step.
    """

    count: int
    dt: float
    weights: FloatArray

    @property
    def stages(self) -> int:
        """Return the number of velocities that a step asks for."""
        return len(self.weights) - 1

    @property
    def past(self) -> int:
        """Return the number of slopes of steps before."""
        return self.weights.shape[1] - self.stages

    @property
    def times(self) -> FloatArray:
        """Return when each velocity is asked for, from the start of the first step."""
        return self.dt * (np.arange(self.count)[:, None] + self.weights[:-1].sum(axis=1)).ravel()


def runge_kutta(tableau: Tableau, count: int, dt: float) -> tuple[EqualSteps, ...]:
    """Return steps of a Runge-Kutta scheme."""
    return (EqualSteps(count, dt, np.vstack([tableau.a, tableau.b])),)


def adams(count: int, dt: float) -> tuple[EqualSteps, ...]:
    """Return steps of Adams' scheme, a predictor of order seven and a corrector of eight, and one that begins it.

    That one is as long as seven, of DOP853 with its continuous extension, and ends with the slopes at its sevenths.
    """
    past = len(_CORRECTOR) - 1
    return EqualSteps(1, past * dt, _BEGIN), EqualSteps(count - past, dt, np.stack([_PREDICTOR, _CORRECTOR]))


def multistep(count: int, time: float) -> tuple[EqualSteps, ...]:
    """Return steps of Adams' scheme that ask for the velocity twelve times `count` times, as often as DOP853 would.

    Fewer than `LEAST` of DOP853 are taken as they are.
    """
    if count < LEAST:
        return runge_kutta(DOP853, count, time / count)
    steps = DOP853.stages * count - len(_BEGIN) + len(_CORRECTOR)  # the first seven ask more often
    return adams(steps, time / steps)


def first_step(count: int) -> float:
    """Return the first step of `multistep` in a time of one, with which the errors and the corrections of all go."""
    return multistep(count, 1.0)[0].dt


# Bashforth and Adams, Moulton: the oldest slope first, that at the predicted positions last
_PREDICTOR = np.array([19087, -134472, 407139, -688256, 705549, -447288, 198721, 0]) / 60480
_CORRECTOR = np.array([1375, -11351, 41499, -88547, 123133, -121797, 139849, 36799]) / 120960


def _within(share: float) -> FloatArray:
    """Return the weights of sixteen slopes of DOP853 in its continuous extension at a share of the step."""
    first, last = np.eye(16)[[0, 12]]
    whole = np.pad(DOP853_B, (0, 4))
    weights = np.zeros(16)
    for n, row in enumerate([*DOP853_DENSE[::-1], 2 * whole - first - last, first - whole, whole]):
        weights = (weights + row) * (share if n % 2 == 0 else 1 - share)
    return weights


def _begin(past: int) -> FloatArray:
    """Return the weights of a step of DOP853 whose last stages see its equal parts."""
    parts = [_within(share) for share in np.arange(1, past) / past]
    rows = [*DOP853_A, DOP853_B, *DOP853_MORE, *parts, DOP853_B, DOP853_B]
    return np.stack([np.pad(row, (0, len(rows) - 1 - len(row))) for row in rows])


_BEGIN = _begin(7)
