"""Resolve a geodesic: as many modes of the field as make its flow map that of the Euler equations; equation (20)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import TypeAlias

import numpy as np

from eulerot._threads import run_tasks
from eulerot._types import FloatArray
from eulerot.euler.embedding import embedded, restricted
from eulerot.euler.equations import equation_of
from eulerot.euler.geodesic import Geodesic
from eulerot.euler.grid import Grid
from eulerot.euler.integrators import DOP853, RK4
from eulerot.euler.interpolated import FEWEST, InterpolatedTrajectory
from eulerot.euler.particles.phases import to_phases
from eulerot.euler.particles.schemes import runge_kutta
from eulerot.euler.stepping import required_steps

__all__ = ["MOST_MODES", "geodesic_error", "in_modes", "resolved", "stable_steps"]

Task: TypeAlias = Callable[[], object]
# Modes of the reference for one of the geodesic that is measured, and the most modes of a geodesic in the plane and in
# space, where field and interpolant take long
_FINER = 1.5
MOST_MODES = {2: 96, 3: 20}
# Particles an axis, in the middle of equal cells, and their steps. The field takes as many as are stable, of RK4, which
# is stable for two thirds of the cost: of forty geodesics, slow and fast, the ends were off by 2.4e-5 of their
# displacement at most, a fortieth of the usual limit, and by 2.6e-5 with DOP853 for both
_PARTICLES, _STEPS = {2: 22, 3: 8}, 6
# Steps of the field for one that is stable at the start: it may grow faster
_HEADROOM = 1.5
# Modes that are tried first, for each of the initial field: half of the geodesics of fits need no more in the plane, in
# space nearly all do. The power of them with which the error falls at first, and the most by which they grow then: of
# fifty geodesics it was 2.5 to 5, and all but six met the limit at the second trial
_FIRST, _ORDER, _GROWTH = {2: 1.5, 3: 2.0}, 2.7, 2.6


def geodesic_error(geodesic: Geodesic, *, beside: Sequence[Task] = ()) -> float:
    """Return the distance of a geodesic's map from that of the same initial field with 1.5 times the modes.

    Root mean squares over the box, ``|X_1 - X_1^ref|`` over ``|X_1 - x|``, equation (20); zero where nothing moves.
    One thread computes the reference, and the others do what is `beside`.

    Examples
    --------
    >>> grid = Grid((12, 12), "cube")
    >>> x, y = grid.mesh()
    >>> geodesic_error(Geodesic(np.sin(x) * np.sin(y), grid)) < 1e-9  # a steady flow
    True
    >>> fast = 20 * (np.sin(x) * np.sin(2 * y) + np.sin(3 * x) * np.sin(y))
    >>> bool(geodesic_error(Geodesic(fast, grid, time=0.5, steps=64)) > 0.1)  # seven modes are too few for it
    True
    """
    finer = in_modes(geodesic, _more(geodesic.grid.modes[0]))
    # the reference takes longest and begins first, the geodesic least, last; both are kept, and asked for again
    tasks: list[Task] = [partial(_ends, finer), *beside, partial(_ends, geodesic)]
    run_tasks(tasks, geodesic.threads)
    return _distance(_ends(geodesic), _ends(finer), geodesic.grid)


def resolved(
    geodesic: Geodesic, *, limit: float, beside: Callable[[Geodesic], Sequence[Task]] = lambda _: ()
) -> tuple[Geodesic, float]:
    """Return the same geodesic with as many modes as bring its error (20) below `limit`, and the error.

    The error falls like a power of the number of modes, from which the number that will do is predicted, and tried.
    With `MOST_MODES` the error is returned as it is. What is to be done `beside` the error of each that is tried,
    mostly the one that is returned, takes no time of its own on two threads.
    """
    grid = geodesic.grid
    most = max(MOST_MODES[grid.dim], grid.modes[0])

    def fast(modes: float) -> int:
        return grid.with_modes(math.ceil(modes)).modes[0]

    def measured(modes: int) -> tuple[Geodesic, float]:
        tried = in_modes(geodesic, modes)
        return tried, geodesic_error(tried, beside=beside(tried))

    modes, order = fast(min(most, _FIRST[grid.dim] * _highest(geodesic))), _ORDER
    tried, found = measured(modes)
    while found > limit and modes < most:
        growth = (found / limit) ** (1 / order)
        coarser, modes, before = modes, fast(min(most, modes * min(_GROWTH, max(1.05, growth)))), found
        tried, found = measured(modes)
        order = max(1.0, math.log(before / found) / math.log(modes / coarser))
    return tried, found


def in_modes(geodesic: Geodesic, modes: int) -> Geodesic:
    """Return the geodesic of the same initial field with at least so many modes an axis, on a grid of fast size."""
    grid = geodesic.grid
    other = grid.with_modes(modes)
    shared = min(grid, other, key=lambda each: each.modes)
    field = restricted(geodesic.field0_hat, grid, shared)
    return Geodesic.from_coefficients(
        embedded(field, shared, other), other, time=geodesic.time, steps=geodesic.steps, tableau=geodesic.tableau,
        threads=geodesic.threads, field_steps=geodesic.field_steps, multistep=geodesic.multistep,
        few_steps=geodesic.few_steps, tolerance=geodesic.tolerance,
    )  # fmt: skip


def stable_steps(geodesic: Geodesic) -> int:
    """Return the steps in which the field of a geodesic is stable, with some to spare."""
    equation, tableau = equation_of(geodesic.grid), geodesic.tableau
    return math.ceil(_HEADROOM * required_steps(equation, geodesic.field0_hat, geodesic.time, tableau.stability))


def _more(modes: int) -> int:
    return math.ceil(_FINER * modes)


def _highest(geodesic: Geodesic) -> int:
    """Return the highest mode of the initial field on any axis."""
    grid, field = geodesic.grid, geodesic.field0_hat
    strength = np.max(np.abs(field.reshape(-1, *grid.shape_hat)), axis=0)
    reach = np.maximum.reduce(np.broadcast_arrays(*np.ix_(*(np.abs(k) for k in grid.axis_modes))))
    return int(np.max(np.where(strength > 0, reach, 1.0)))


def _ends(geodesic: Geodesic) -> FloatArray:
    """Return where the map takes the middles of equal cells, as phases."""
    return _ends_of(geodesic.field0_hat.tobytes(), geodesic.grid, geodesic.time)


# the error of a geodesic is found for its modes, and asked for again once a fit has found those of all its geodesics
@lru_cache(maxsize=1024)
def _ends_of(field0_hat: bytes, grid: Grid, time: float) -> FloatArray:
    zeros = equation_of(grid).zeros()
    # a copy can be written to, as all other fields can: loops would be compiled once more for one that cannot
    field = np.frombuffer(field0_hat, zeros.dtype).reshape(zeros.shape).copy()
    steps = max(FEWEST, stable_steps(Geodesic.from_coefficients(field, grid, time=time, tableau=RK4)))
    particles = InterpolatedTrajectory(equation_of(grid), RK4, time, runge_kutta(DOP853, _STEPS, time / _STEPS), steps)
    return particles.advection(field)[1].coarser().advance(_middles(grid))


def _middles(grid: Grid) -> FloatArray:
    n = _PARTICLES[grid.dim]
    axes = [side * (np.arange(n) + 0.5) / n for side in grid.sides]
    return to_phases(np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, grid.dim), grid)


def _distance(ends: FloatArray, reference: FloatArray, grid: Grid) -> float:
    """Return the root mean square of a difference over that of the reference's displacement."""
    size, apart = (
        math.sqrt(float(np.mean(np.sum(((reference - phases) / grid.scales) ** 2, axis=1))))
        for phases in (_middles(grid), ends)
    )
    return apart / size if size > 0 else 0.0
