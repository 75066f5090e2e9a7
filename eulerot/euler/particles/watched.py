"""Particles that take fewer steps where these are enough, which each of them finds out by itself.

How many steps a map takes is decided by few particles, those that turn where they meet a wall. Adams' scheme says which
they are, at no cost: what a step corrects predicted positions by is several times the error of the map.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from eulerot._types import FloatArray
from eulerot.euler.particles.advection import Advection
from eulerot.euler.particles.schemes import LEAST, first_step

__all__ = ["WatchedAdvection", "few_steps"]

# By how much steps may correct a particle, for an error of one: 5.4 was seen at least on a rough field, 6 on fitted
_CORRECTED = 5.0
# What a step takes while it is watched, and one that is taken again by few particles that are not near each other; and
# what all may take, for one of all steps, to be worth it
_WATCHED, _AGAIN, _WORTH = 1.03, 1.1, 0.95


@dataclass(frozen=True, kw_only=True)
class WatchedAdvection(Advection):
    """An advection whose particles take all steps only where a few may not be accurate enough.

    Each is advanced in the steps of `few`, and in all of them if one of the few may err by more than the tolerance. So
    where it ends depends on no other. Jacobians and adjoints are those of all steps.

    Parameters
    ----------
    few : Advection
        By the same field, in few steps of Adams' scheme.
    tolerance : float
        The largest error in the latent space.
    """

    few: Advection
    tolerance: float

    @property
    def corrected(self) -> float:
        """Return by how much a step may correct a particle that takes no more."""
        return _CORRECTED * self.tolerance

    def advance(self, phases: FloatArray) -> FloatArray:
        """Return the phases at the end."""
        ends, corrections = self.few.advance_watched(phases)
        doubtful = corrections > self.corrected
        if doubtful.any():
            ends[doubtful] = super().advance(phases[doubtful])
        return ends

    def coarser(self) -> WatchedAdvection:
        """Return the advection by coarser interpolants, in all steps and in few."""
        return replace(self, margin=super().coarser().margin, few=self.few.coarser())


def few_steps(corrections: Mapping[int, FloatArray], steps: int, tolerance: float) -> int | None:
    """Return in how many steps particles are best tried before so many, or None if that is not worth it.

    Parameters
    ----------
    corrections : mapping
        From numbers of steps to the corrections of the same particles in them. Those of the fewest two say how many
        particles other steps would leave in doubt, since each falls as a power of the step.
    steps : int
        All steps.
    tolerance : float
        The largest error in the latent space.
    """
    if min(steps, *corrections) < LEAST:  # of another scheme, whose steps correct nothing
        return None
    coarse, fine = sorted(corrections)[:2]
    before, after = corrections[coarse], corrections[fine]
    with np.errstate(divide="ignore", invalid="ignore"):  # those that do not move are not corrected
        power = np.log(before / after) / math.log(first_step(coarse) / first_step(fine))

    def cost(count: int) -> float:
        with np.errstate(over="ignore", invalid="ignore"):
            doubtful = before * (first_step(count) / first_step(coarse)) ** power > _CORRECTED * tolerance
        return _WATCHED * count + _AGAIN * steps * float(np.mean(doubtful))

    best = min(range(LEAST, steps), key=cost, default=steps)
    return best if cost(best) <= _WORTH * steps else None
