"""Random initial fields, and geodesics that start from them."""

import numpy as np

from eulerot.euler.equations import equation_of
from eulerot.euler.geodesic import Geodesic


def random_values(grid, seed=0, highest=4):
    """Return a vorticity of the plane of few modes: sines in the box, so that it has the parity that it needs there."""
    rng, axes = np.random.default_rng(seed), zip(grid.scales, grid.mesh(), strict=True)
    x, y = (scale * axis for scale, axis in axes)
    values = np.zeros(grid.points)
    for k in range(1, highest + 1):
        for l in range(1, highest + 1):
            phase = (0.0, 0.0) if grid.walls else rng.uniform(0, 2 * np.pi, 2)
            values += rng.standard_normal() / (k + l) * np.sin(k * x + phase[0]) * np.sin(l * y + phase[1])
    return values


def noise(grid, seed=0):
    """Return random values at the grid points, of a vorticity in the plane and of a velocity in space."""
    components = () if grid.dim == 2 else (3,)
    return np.random.default_rng(seed).standard_normal((*components, *grid.points))


def random_field(grid, seed=0, decay=0.0):
    """Return random coefficients of all kept modes, those of a large wavenumber weaker by its power `decay`."""
    squared = grid.laplacian / np.max(grid.scales) ** 2
    return equation_of(grid).analysed(noise(grid, seed)) / (1 + squared) ** (decay / 2)


def random_velocity(grid, seed=0, decay=2.0):
    """Return a velocity in space of all kept modes, the small ones weaker, whose largest component is 2."""
    values = equation_of(grid).synthesised(random_field(grid, seed, decay))
    return 2 * values / np.abs(values).max()


def random_geodesic(grid, size, seed=0, **settings):
    """Return a geodesic of noise of a given size."""
    return Geodesic(size * noise(grid, seed), grid, **settings)
