"""Find how many steps the map of a geodesic needs."""

from __future__ import annotations

import math
from collections.abc import Callable

from eulerot._types import FloatArray
from eulerot.errors import ResolutionError
from eulerot.euler.equations import equation_of
from eulerot.euler.geodesic import Geodesic
from eulerot.euler.stepping import required_steps

__all__ = ["refined"]

# Steps of the field for one of the particles: with three, the field's share of the error is not seen
_FINER = 3
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

    Steps are doubled until the map changes by no more than `tolerance`. Then the fewest are sought that still do, from
    the number that the order of the scheme predicts. The field takes three steps for one of the particles.

    Parameters
    ----------
    geodesic : Geodesic
        The geodesic, with any steps.
    phases : ndarray, shape (n, d)
        Where the map is looked at.
    tolerance : float
        The largest distance from a map with much shorter steps.
    distance : callable
        From two arrays like `phases` to the distance between them.
    most : int
        The most steps that may be taken.

    Raises
    ------
    ResolutionError
        If `most` steps do not suffice.
    """
    least = required_steps(equation_of(geodesic.grid), geodesic.field0_hat, geodesic.time, geodesic.tableau.stability)
    steps = least = max(_FEWEST, math.ceil(least / _FINER))
    end = _in_steps(geodesic, steps).flow_map.advance(phases)
    while steps <= most:
        finer_end = _in_steps(geodesic, 2 * steps).flow_map.advance(phases)
        error = distance(end, finer_end)
        if error <= tolerance:
            fewer = math.ceil(steps * (error / tolerance) ** (1 / geodesic.tableau.order))
            for count in range(max(fewer, least), steps):
                thin = _in_steps(geodesic, count)
                if distance(thin.flow_map.advance(phases), finer_end) <= tolerance:
                    return thin
            return _in_steps(geodesic, steps)
        steps, end = 2 * steps, finer_end
    raise ResolutionError(
        f"steps: {most} steps do not bring the flow map's error below {tolerance:g}. "
        "Take fewer modes, or regularise more."
    )


def _in_steps(geodesic: Geodesic, steps: int) -> Geodesic:
    return geodesic.in_steps(steps, _FINER * steps)
