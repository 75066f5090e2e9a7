"""Fit one geodesic coarsely, with few modes and few pairs, to choose the axes of the box and the first unknowns.

The Gaussian looks the same from every direction, but the box of equation (3) does not: its walls, and with them the
geodesics that a given number of modes can express, depend on the axes in which ``a = pi Phi(z)`` is taken. Rotated axes
``Q`` give

    s = Q^T o X o Q,    X the map of a geodesic in the box,                                               (3')

which preserves the Gaussian, is a geodesic just as much, and is the identity where ``X`` is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from tqdm import tqdm

from eulerot._ranks import ALONE, Ranks
from eulerot._threads import run_tasks
from eulerot._types import FloatArray
from eulerot.euler.grid import Grid
from eulerot.rearrangement.rotations import plane_rotation, random_rotations
from eulerot.shooting.journal import Journal
from eulerot.shooting.objective import Objective
from eulerot.shooting.potential import Potential, half_square, quadratic_potential, regressed_potential

__all__ = ["InitialGuess"]

# A rotation by 90 degrees or a reflection maps the box onto itself: only angles below 90 degrees need to be tried
_ANGLES = 8
_WIDTH = 0.5 * math.pi / _ANGLES
# In space so many rotations are looked at; coarse fits are made in the steepest, and in the latent space's own axes
_ROTATIONS, _STEEPEST = 32, 4
_MODES = {2: 8, 3: 4}
_STEPS = 4
_COSINES = 8
_WEIGHT = 1e-4
# How far from the start the first trial is
_FIRST_FROM_REST, _FIRST = 1 / 2, 1 / 32


@dataclass(frozen=True)
class InitialGuess:
    """Fit a coarse geodesic to some of the pairs, in several axes.

    Parameters
    ----------
    z, x : ndarray, shape (n, d)
        Latents and data, `x` centred and of unit spread.
    modes : int
        Modes an axis of the fit that this one prepares. The coarse fits use at most eight, in space four.
    threads : int
        Threads over particles.
    bar : tqdm
        The progress bar, updated once for each angle.
    journal : Journal
        Runs the optimiser, and keeps what its functions gave.
    ranks : Ranks
        The processes that share the pairs.
    """

    z: FloatArray
    x: FloatArray
    modes: int
    threads: int
    bar: tqdm
    journal: Journal = field(default_factory=Journal)
    ranks: Ranks = ALONE

    def axes(self) -> FloatArray:
        """Return the axes of the box in which the pairs become cheapest, a rotation."""
        return plane_rotation(self._angle()) if self.z.shape[1] == 2 else self._axes_in_space()

    def _axes_in_space(self) -> FloatArray:
        """Return the best of the latent space's own axes and those in which the cost falls fastest from rest."""
        rotations = random_rotations(_ROTATIONS, 3, seed=0)
        steepest = np.argsort([-self._slope(axes) for axes in rotations])[:_STEEPEST]
        tried = [np.eye(3), *rotations[steepest]]
        costs = run_tasks([partial(self._cost_in_space, axes) for axes in tried], self._side_by_side)
        return tried[int(np.argmin(costs))]

    def _cost_in_space(self, axes: FloatArray) -> float:
        cost, _, _ = self._fitted(axes, quadratic_potential(self.z @ axes.T, self.x @ axes.T))
        self.bar.update()
        return cost

    @property
    def _side_by_side(self) -> int:
        """The threads that fit at the same time."""
        return self.journal.side_by_side(self.threads, self.ranks)

    def _slope(self, axes: FloatArray) -> float:
        """Return the squared slope of the cost at rest, in the metric of the unknowns."""
        objective = self._objective(axes, _MODES[len(axes)])
        objective = replace(objective, steps=1, potential=quadratic_potential(objective.z, objective.x))
        slope = objective(np.zeros(objective.size), 0.0)[1]
        return float(slope @ slope)

    def _angle(self) -> float:
        """Return the angle of the axes, in the plane, in which the pairs become cheapest, in ``[0, pi / 2)``.

        The parabola through the lowest cost of eight angles and its two neighbours gives it: the cost is a smooth
        function of the angle. Each cost is that of equation (12'), with the potential of an angle before.
        """
        moved = self._fitted(np.eye(2), half_square(2))[2]
        # two ways round, each from angle to angle, whether threads take one each or not
        ways = run_tasks([partial(self._costs, moved, first) for first in range(2)], self._side_by_side)
        costs = np.stack(ways, axis=1).ravel()
        least = int(np.argmin(costs))
        before, here, after = costs[least - 1], costs[least], costs[(least + 1) % _ANGLES]
        bend = before - 2 * here + after
        vertex = least + (0.5 * (before - after) / bend if bend > 0 else 0.0)
        return float(vertex * _WIDTH % (0.5 * math.pi))

    def _costs(self, moved: FloatArray, first: int) -> list[float]:
        """Return the lowest costs at every other angle from the first on."""
        costs = []
        for i in range(first, _ANGLES, 2):
            axes = plane_rotation(i * _WIDTH)
            potential = regressed_potential(moved @ axes.T, self.x @ axes.T, m=_COSINES, threads=self.threads)
            cost, _, moved = self._fitted(axes, potential)
            self.bar.set_postfix_str(f"axes at {math.degrees(i * _WIDTH):.0f} degrees: {cost:.4f}", refresh=False)
            self.bar.update()
            costs.append(cost)
        return costs

    def unknowns(self, axes: FloatArray) -> FloatArray:
        """Return the unknowns of a fit in the given axes, to the same few pairs: few modes first, then all."""
        _, few, moved = self._fitted(axes, half_square(len(axes)))
        room = [(0, b - a) for a, b in zip(few.shape, self._objective(axes, self.modes).shape, strict=True)]
        potential = regressed_potential(moved @ axes.T, self.x @ axes.T, threads=self.threads)
        return self._fitted(axes, potential, np.pad(few, room))[1].ravel()

    def _objective(self, axes: FloatArray, modes: int) -> Objective:
        grid = Grid.from_modes(modes, dim=len(axes))
        z, x = self.z @ axes.T, self.x @ axes.T
        return Objective(z, x, grid, steps=_STEPS, threads=self.threads, ranks=self.ranks)

    def _fitted(
        self, axes: FloatArray, potential: Potential, start: FloatArray | None = None
    ) -> tuple[float, FloatArray, FloatArray]:
        """Return the lowest cost found in these axes, its unknowns, and the latents as it moves them."""
        modes = self.modes if start is not None else min(_MODES[len(axes)], self.modes)
        objective = replace(self._objective(axes, modes), potential=potential)
        theta = np.zeros(objective.size) if start is None else start.ravel()
        first = _FIRST_FROM_REST if start is None else _FIRST
        found = self.journal.minimise(
            lambda theta: objective(theta, _WEIGHT), theta, first=first, maxiter=30, maxcor=30, ftol=1e-3
        )
        return float(found.fun), found.x.reshape(objective.shape), objective.moved(found.x)[0] @ axes
