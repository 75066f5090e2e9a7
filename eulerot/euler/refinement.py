"""Find how many steps the map of a geodesic needs."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, partial

import numpy as np

from eulerot._threads import run_tasks
from eulerot._types import FloatArray
from eulerot.errors import ResolutionError
from eulerot.euler.geodesic import Geodesic
from eulerot.euler.resolution import stable_steps
from eulerot.euler.splined import FEWEST

__all__ = ["refined"]

# Steps of a map for one of the first that it is compared with; the most by which they grow then; and the least, which a
# prediction from coarse steps gets on top
_COMPARED, _GROWTH, _LEAST_GROWTH = 1.5, 2.0, 1.12
# The law of the scheme's order, by which steps are predicted, holds for short ones: so many more are taken
_SAFE = 1.1
# Steps at first for one of the field that is stable, of the field and of the particles: of forty geodesics most needed
# 2.5 to 3.6 and 1.1 to 1.6. The particles by which those of the field are sought take fewer
_FIELD, _PARTICLES, _FEW = 2.5, 1.0, 0.5
_FEWEST = 2


def refined(
    geodesic: Geodesic,
    phases: FloatArray,
    *,
    tolerance: float,
    distance: Callable[[FloatArray, FloatArray], float],
    most: int = 2048,
) -> Geodesic:
    """Return the same geodesic with as many steps as its map needs to be accurate to `tolerance`.

    The steps of the field are sought first, for particles in few steps, whose error they share, and then those of the
    particles: half of the tolerance for each.

    Parameters
    ----------
    geodesic : Geodesic
        The geodesic, with any steps.
    phases : ndarray, shape (n, d)
        Where the map is looked at.
    tolerance : float
        The largest distance from the map with steps that are infinitely short.
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
    def with_field(fine: int) -> Geodesic:
        return geodesic.in_steps(_FEWEST, fine)

    @cache
    def end(steps: int, fine: int) -> FloatArray:
        try:
            return with_field(fine).in_steps(steps, fine).flow_map.advance(phases)
        except ResolutionError:  # the field is not stable in so few steps, and its map is nowhere
            return np.full_like(phases, np.nan)

    enough = partial(
        _enough, distance=distance, tolerance=0.5 * tolerance, order=geodesic.tableau.order, most=most,
        threads=geodesic.threads,
    )  # fmt: skip
    stable = stable_steps(geodesic)
    few, first = (max(_FEWEST, math.ceil(share * stable)) for share in (_FEW, _PARTICLES))
    # more steps of the field than it takes cost nothing later, and those that were compared with are there
    _, fine = enough(lambda count: end(few, count), max(FEWEST, math.ceil(_FIELD * stable)))
    steps, _ = enough(lambda count: end(count, fine), first)
    return with_field(fine).in_steps(steps, fine)


def _enough(
    end: Callable[[int], FloatArray],
    count: int,
    *,
    distance: Callable[[FloatArray, FloatArray], float],
    tolerance: float,
    order: int,
    most: int,
    threads: int,
) -> tuple[int, int]:
    """Return the fewest steps that bring a map to a distance from its limit, and the more that it was compared with.

    Two maps are compared, and the error falls between them and beyond as the order of the scheme says.

    Raises
    ------
    ResolutionError
        If `most` steps do not suffice.
    """
    coarse, steps = count, math.ceil(_COMPARED * count)
    while steps <= most:
        before, after = run_tasks([partial(end, coarse), partial(end, steps)], threads)
        # of the coarser map, from the geometric law of both; not a number where one of them is nowhere
        error = distance(before, after) / (1 - (coarse / steps) ** order)
        needed = _SAFE * coarse * (error / tolerance) ** (1 / order)
        if needed <= steps:
            return max(coarse, math.ceil(needed)), steps
        growth = min(_GROWTH, _LEAST_GROWTH * max(1.0, needed / steps)) if math.isfinite(needed) else _COMPARED
        coarse, steps = steps, math.ceil(growth * steps)
    raise ResolutionError(
        f"steps: {most} steps do not bring the flow map's error below {2 * tolerance:g}. "
        "Take fewer modes, or regularise more."
    )
