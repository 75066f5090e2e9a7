"""Find how many steps the map of a geodesic needs."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np

from eulerot._threads import run_tasks
from eulerot._types import FloatArray
from eulerot.errors import ResolutionError
from eulerot.euler.geodesic import Geodesic
from eulerot.euler.interpolated import FEWEST
from eulerot.euler.particles.schemes import LEAST, first_step
from eulerot.euler.particles.watched import few_steps
from eulerot.euler.resolution import stable_steps

__all__ = ["Refinement"]

# Steps of a map for one of the first that it is compared with; the most by which they grow then; and the least, which a
# prediction from coarse steps gets on top
_COMPARED, _GROWTH, _LEAST_GROWTH = 1.5, 1.6, 1.12
# The law of the scheme's order, by which steps are predicted, holds for short ones: so many more are taken. It is not
# trusted for more than so many steps for one of those that were compared
_SAFE, _TRUSTED = 1.1, 1.1
# Of the tolerance; the error of particles is largest between those that are looked at
_OF_FIELD, _OF_PARTICLES = 0.5, 0.3
# Steps at first for one of the field that is stable, of the field and of the particles: of twenty geodesics most needed
# 1.4 to 2.5 and 0.6 to 1.3. The particles by which those of the field are sought take few: twice as many find the same.
# Where so many steps of Adams' scheme are too few it is not stable, and a Runge-Kutta scheme takes its place
_FIELD, _PARTICLES, _FEW, _LIMIT = 1.5, 0.6, 0.25, 2.0
_FEWEST = 2
# An error that is none
_NOTHING = 1e-300


class Refinement:
    """Seek how many steps the map of a geodesic needs.

    The steps of the field are sought first, for particles in few steps, whose error they share, and then those of the
    particles. Particles take Adams' scheme, unless a Runge-Kutta scheme takes fewer steps.

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
    2
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
        corrections: dict[int, FloatArray] = {}

        @cache
        def end(steps: int, fine: int, *, multistep: bool = False) -> FloatArray:
            try:
                flow_map = self._in_steps(steps, fine, multistep=multistep).flow_map.coarser()
            except ResolutionError:  # the field is not stable in so few steps, and its map is nowhere
                return np.full_like(phases, np.nan)
            ends, corrected = flow_map.advance_watched(phases)
            if multistep:
                corrections[steps] = corrected
            return ends

        enough = _Search(distance, tolerance, self._geodesic.tableau.order, self._geodesic.threads).enough
        few, first, limit = (max(_FEWEST, math.ceil(share * self._stable)) for share in (_FEW, _PARTICLES, _LIMIT))
        # more steps of the field than it takes cost nothing later, and those that were compared with are there
        _, fine = enough(lambda count: end(few, count), self._first_field_steps, share=_OF_FIELD, most=most)
        first += first >= LEAST  # the beginning
        with suppress(ResolutionError):
            ends = partial(end, fine=fine, multistep=True)
            steps, _ = enough(ends, first, share=_OF_PARTICLES, most=min(limit, most), length=first_step)
            tried = few_steps(corrections, steps, tolerance)
            return self._in_steps(steps, fine, multistep=steps >= LEAST, few_steps=tried, tolerance=tolerance)
        steps, _ = enough(partial(end, fine=fine), self._stable, share=_OF_PARTICLES, most=most)
        return self._in_steps(steps, fine)

    @property
    def _first_field_steps(self) -> int:
        return max(FEWEST, math.ceil(_FIELD * self._stable))

    def _in_steps(self, steps: int, fine: int, **settings: Any) -> Geodesic:
        """Return the geodesic in such steps; the field takes its own once for all."""
        if fine not in self._by_field_steps:
            self._by_field_steps[fine] = self._geodesic.in_steps(_FEWEST, fine)
        return self._by_field_steps[fine].in_steps(steps, fine, **settings)

    def _compute(self, fine: int) -> None:
        with suppress(ResolutionError):  # it is raised again where the map is asked for
            self._in_steps(_FEWEST, fine)


def _compared(count: int) -> tuple[int, int]:
    """Return numbers of steps to compare."""
    return count, math.ceil(_COMPARED * count)


@dataclass(frozen=True)
class _Search:
    """The search for the fewest steps that bring a map to a distance from its limit.

    Two maps are compared, and the error falls between them and beyond as the order of the scheme says.
    """

    distance: Callable[[FloatArray, FloatArray], float]
    tolerance: float
    order: int
    threads: int

    def enough(
        self,
        end: Callable[[int], FloatArray],
        count: int,
        *,
        share: float,
        most: int,
        length: Callable[[int], float] = lambda count: 1 / count,
    ) -> tuple[int, int]:
        """Return the fewest steps for a share of the tolerance, and the more that they were compared with.

        `end` is the map in so many steps; `count` are tried first, and are the fewest; `length` is that of a step.

        Raises
        ------
        ResolutionError
            If `most` steps do not suffice.
        """
        coarse, steps = _compared(count)
        while steps <= most:
            before, after = run_tasks([partial(end, coarse), partial(end, steps)], self.threads)
            # of the coarser map, from the geometric law of both; not a number where one of them is nowhere
            error = self.distance(before, after) / (1 - (length(steps) / length(coarse)) ** self.order)
            longest = length(coarse) * (share * self.tolerance / max(error, _NOTHING)) ** (1 / self.order) / _SAFE
            needed = next((each for each in range(coarse, 2 * steps) if length(each) <= longest), 2 * steps)
            if needed <= _TRUSTED * steps:
                return needed, max(steps, needed)
            growth = min(_GROWTH, _LEAST_GROWTH * needed / steps) if math.isfinite(error) else _COMPARED
            coarse, steps = steps, math.ceil(growth * steps)
        raise ResolutionError(
            f"steps: {most} steps do not bring the flow map's error below {self.tolerance:g}. "
            "Take fewer modes, or regularise more."
        )
