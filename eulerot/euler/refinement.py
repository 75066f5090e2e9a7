"""Find how many steps the map of a geodesic needs."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

from eulerot._types import FloatArray
from eulerot.errors import ResolutionError
from eulerot.euler.equations import equation_of
from eulerot.euler.geodesic import Geodesic
from eulerot.euler.integrators import Tableau
from eulerot.euler.resolution import stable_steps
from eulerot.euler.splined import FEWEST, SplinedTrajectory

__all__ = ["refined"]

# Steps of the field for one of the particles, at first
_FINER = 4
# Steps of a map that another is compared with, for one of its own: of order 8, it is more than twenty times as accurate
_COMPARED = 1.5
_FEWEST = 4


def refined(
    geodesic: Geodesic,
    phases: FloatArray,
    *,
    tolerance: float,
    distance: Callable[[FloatArray, FloatArray], float],
    most: int = 2048,
) -> Geodesic:
    """Return the same geodesic with as many steps as its map needs to be accurate to `tolerance`.

    Steps of the particles, and then those of the field, grow until the map changes by no more than half of
    `tolerance`. Then the fewest of the particles are sought that still do, from the number that the order of the scheme
    predicts.

    Parameters
    ----------
    geodesic : Geodesic
        The geodesic, with any steps.
    phases : ndarray, shape (n, d)
        Where the map is looked at.
    tolerance : float
        The largest distance from a map with shorter steps.
    distance : callable
        From two arrays like `phases` to the distance between them.
    most : int
        The most steps that may be taken.

    Raises
    ------
    ResolutionError
        If `most` steps do not suffice.
    """

    @cache
    def fields(count: int) -> FloatArray:
        return _trajectory(geodesic, _FEWEST, count).fields(geodesic.field0_hat)

    @cache
    def end(steps: int, fine: int) -> FloatArray:
        return _trajectory(geodesic, steps, fine).advection_by(fields(fine)).advance(phases)

    def apart(one: tuple[int, int], other: tuple[int, int]) -> float:
        """Return the distance of the maps in two pairs of steps; infinite if the field is not stable in its steps."""
        try:
            return distance(end(*one), end(*other))
        except ResolutionError:
            return math.inf

    tableau, fine = geodesic.tableau, max(FEWEST, stable_steps(geodesic))
    steps = max(_FEWEST, fine // _FINER)
    while max(steps, fine) <= most:
        more, finer = math.ceil(_COMPARED * steps), math.ceil(_COMPARED * fine)
        error = apart((steps, fine), (more, fine))
        if error == math.inf:
            fine = finer
        elif error > 0.5 * tolerance:
            steps = _grown(steps, error / tolerance, tableau)
        elif (of_field := apart((more, fine), (more, finer))) > 0.5 * tolerance:
            fine = _grown(fine, of_field / tolerance, tableau)
        else:
            fewer = max(_FEWEST, math.ceil(steps * (error / tolerance) ** (1 / tableau.order)))
            enough = (count for count in range(fewer, steps) if apart((count, fine), (more, finer)) <= tolerance)
            return geodesic.in_steps(next(enough, steps), fine)
    raise ResolutionError(
        f"steps: {most} steps do not bring the flow map's error below {tolerance:g}. "
        "Take fewer modes, or regularise more."
    )


def _grown(steps: int, excess: float, tableau: Tableau) -> int:
    """Return the steps that the order of the scheme predicts for an error that is so many times the tolerance."""
    return math.ceil(steps * min(2.0, max(1.1, 1.05 * (2 * excess) ** (1 / tableau.order))))


def _trajectory(geodesic: Geodesic, steps: int, field_steps: int) -> SplinedTrajectory:
    return SplinedTrajectory(
        equation_of(geodesic.grid), geodesic.tableau, geodesic.time, steps, field_steps, geodesic.threads
    )
