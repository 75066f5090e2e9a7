"""Phases: the coordinates in which particles travel.

On the torus the phase of a position is its angle, ``scales * position``, of period ``2 pi``. In the box it is a *signed
wall distance*: ``y > 0`` is the distance from the wall at 0, ``y < 0`` minus the distance from the wall at pi. A
particle never crosses a wall, so the sign never changes, and particles close to either wall keep all their digits: the
tails of a Gaussian are there.
"""

from __future__ import annotations

import math

import numpy as np

from eulerot._types import FloatArray
from eulerot.euler.grid import Grid

__all__ = ["to_phases", "to_positions"]

_ON_THE_WALL = 1e-290


def to_phases(positions: FloatArray, grid: Grid) -> FloatArray:
    """Return the phases of positions: signed wall distances in the box."""
    phases = positions * grid.scales
    if not grid.walls:
        return phases
    # sums with booleans, in place: choices, and memory for what is between, take five times as long
    far = phases > 0.5 * math.pi
    phases -= math.pi * far
    # a zero would lose its sign as the particle moves: on the wall at pi, the smallest distance stands for it
    highest = 4.0 * ~far
    highest -= _ON_THE_WALL * far
    return np.minimum(phases, highest, out=phases)


def to_positions(phases: FloatArray, grid: Grid) -> FloatArray:
    """Return the positions of phases."""
    if grid.walls:
        phases = phases + math.pi * np.signbit(phases)
    return phases / grid.scales
