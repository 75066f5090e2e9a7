"""Steps of particles by their definition, for tests of the loops that take them."""

import numpy as np
from fields import random_field

from eulerot.euler.particles.advection import Advection
from eulerot.euler.particles.phases import to_phases
from eulerot.euler.particles.schemes import EqualSteps


def carried(grid, steps, margin=0.1):
    """An advection by a field that changes between velocities, and particles, some a margin of the sides from walls."""
    count = sum(each.count * each.stages for each in steps)
    fields = random_field(grid, 0, decay=1.5), random_field(grid, 1, decay=1.5)
    carriers = np.stack([np.cos(0.1 * n) * fields[0] + np.sin(0.1 * n) * fields[1] for n in range(count)])
    points = np.random.default_rng(0).uniform(margin, 1 - margin, (150, grid.dim)) * grid.sides
    return Advection(grid, carriers, steps), to_phases(points, grid)


def slope(advection, number, phases):
    """The velocity that was asked for at a number of times before."""
    euler = EqualSteps(1, 1.0, np.array([[0.0], [1.0]]))
    return Advection(advection.grid, advection.carriers[number : number + 1], (euler,)).advance(phases) - phases


def naive_steps(advection, phases):
    """Yield for each step the number of its stages, and what these see and the end: all slopes in a list."""
    slopes = []
    for steps in advection.steps:
        for _ in range(steps.count):
            begun, seen = len(slopes) - steps.past, []
            for row in steps.weights:
                known = slopes[begun:]
                added = sum((w * s for w, s in zip(row, known, strict=False)), 0.0 * phases)
                seen.append(phases + steps.dt * added)
                if len(known) < steps.weights.shape[1]:
                    slopes.append(slope(advection, len(slopes), seen[-1]))
            phases = seen[-1]
            yield steps.stages, seen
