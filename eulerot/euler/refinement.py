"""Find how many steps the map of a geodesic needs."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial

import numpy as np

from eulerot._threads import run_tasks
from eulerot._types import FloatArray
from eulerot.errors import ResolutionError
from eulerot.euler.geodesic import Geodesic
from eulerot.euler.resolution import stable_steps
from eulerot.euler.splined import FEWEST

__all__ = ["Refinement"]

# Steps of a map for one of the first that it is compared with; the most by which they grow then; and the least, which a
# prediction from coarse steps gets on top
_COMPARED, _GROWTH, _LEAST_GROWTH = 1.5, 2.0, 1.12
# The law of the scheme's order, by which steps are predicted, holds for short ones: so many more are taken. It is not
# trusted for more than so many steps for one of those that were compared
_SAFE, _TRUSTED = 1.1, 1.1
# Steps at first for one of the field that is stable, of the field and of the particles: of forty geodesics most needed
# 2.5 to 3.6 and 1.1 to 1.6. The particles by which those of the field are sought take fewer
_FIELD, _PARTICLES, _FEW = 2.5, 1.0, 0.5
_FEWEST = 2


class Refinement:
    """Seek how many steps the map of a geodesic needs.

    The steps of the field are sought first, for particles in few steps, whose error they share, and then those of the
    particles: half of the tolerance for each.

    Parameters
    ----------
    geodesic : Geodesic
        The geodesic, with any steps.

    Examples
    --------
    >>> from eulerot import Grid
    >>> grid = Grid((24, 24), "cube")
    >>> x, y = grid.mesh()
    >>> geodesic, start = Geodesic(np.sin(x) * np.sin(2 * y), grid), np.array([[0.5, 1.0]])
    >>> distance = lambda some, others: float(np.max(np.abs(some - others)))
    >>> Refinement(geodesic).refined(start, tolerance=1e-9, distance=distance).steps
    3
    """

    def __init__(self, geodesic: Geodesic) -> None:
        self._geodesic, self._stable = geodesic, stable_steps(geodesic)
        self._by_field_steps: dict[int, Geodesic] = {}

    def first_fields(self) -> list[Callable[[], None]]:
        """Return tasks that compute the two fields that are compared first; they take most of the time."""
        return [partial(self._compute, fine) for fine in reversed(_compared(self._first_field_steps))]

    def refined(
        self,
        phases: FloatArray,
        *,
        tolerance: float,
        distance: Callable[[FloatArray, FloatArray], float],
        most: int = 2048,
    ) -> Geodesic:
        """Return the same geodesic with as many steps as its map needs to be accurate to `tolerance`.

        Parameters
        ----------
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
        def end(steps: int, fine: int) -> FloatArray:
            try:
                return self._in_steps(steps, fine).flow_map.coarser().advance(phases)
            except ResolutionError:  # the field is not stable in so few steps, and its map is nowhere
                return np.full_like(phases, np.nan)

        enough = partial(
            _enough, distance=distance, tolerance=0.5 * tolerance, order=self._geodesic.tableau.order, most=most,
            threads=self._geodesic.threads,
        )  # fmt: skip
        few, first = (max(_FEWEST, math.ceil(share * self._stable)) for share in (_FEW, _PARTICLES))
        # more steps of the field than it takes cost nothing later, and those that were compared with are there
        _, fine = enough(lambda count: end(few, count), self._first_field_steps)
        steps, _ = enough(lambda count: end(count, fine), first)
        return self._in_steps(steps, fine)

    @property
    def _first_field_steps(self) -> int:
        return max(FEWEST, math.ceil(_FIELD * self._stable))

    def _in_steps(self, steps: int, fine: int) -> Geodesic:
        """Return the geodesic in such steps; the field takes its own once for all."""
        if fine not in self._by_field_steps:
            self._by_field_steps[fine] = self._geodesic.in_steps(_FEWEST, fine)
        return self._by_field_steps[fine].in_steps(steps, fine)

    def _compute(self, fine: int) -> None:
        with suppress(ResolutionError):  # it is raised again where the map is asked for
            self._in_steps(_FEWEST, fine)


def _compared(count: int) -> tuple[int, int]:
    """Return numbers of steps to compare."""
    return count, math.ceil(_COMPARED * count)


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
    coarse, steps = _compared(count)
    while steps <= most:
        before, after = run_tasks([partial(end, coarse), partial(end, steps)], threads)
        # of the coarser map, from the geometric law of both; not a number where one of them is nowhere
        error = distance(before, after) / (1 - (coarse / steps) ** order)
        needed = _SAFE * coarse * (error / tolerance) ** (1 / order)
        if needed <= _TRUSTED * steps:
            enough = math.ceil(needed)
            return max(coarse, enough), max(steps, enough)
        growth = min(_GROWTH, _LEAST_GROWTH * max(1.0, needed / steps)) if math.isfinite(needed) else _COMPARED
        coarse, steps = steps, math.ceil(growth * steps)
    raise ResolutionError(
        f"steps: {most} steps do not bring the flow map's error below {2 * tolerance:g}. "
        "Take fewer modes, or regularise more."
    )
