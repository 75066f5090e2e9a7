"""Initial fields that the tests of the solver share."""

import numpy as np


def random_values(grid, seed=0, highest=4):
    """A random vorticity of the plane of few modes: sines in the box, so that it has the parity that it needs there."""
    rng, axes = np.random.default_rng(seed), zip(grid.scales, grid.mesh(), strict=True)
    x, y = (scale * axis for scale, axis in axes)
    values = np.zeros(grid.points)
    for k in range(1, highest + 1):
        for l in range(1, highest + 1):
            phase = (0.0, 0.0) if grid.walls else rng.uniform(0, 2 * np.pi, 2)
            values += rng.standard_normal() / (k + l) * np.sin(k * x + phase[0]) * np.sin(l * y + phase[1])
    return values
