"""Small rearrangements of every kind, for tests of what is done with them."""

import numpy as np
from fields import random_geodesic
from scipy.stats import special_ortho_group

from eulerot.euler.grid import Grid
from eulerot.rearrangement.composition import Rearrangement
from eulerot.rearrangement.conditional import ConditionalSweep
from eulerot.rearrangement.sweep import Sweep


def planar_geodesic(seed, speed=2.0):
    return random_geodesic(Grid((12, 12), "cube"), speed, seed, steps=24)


def small_maps():
    """Return rearrangements by name: of planes, conditional ones too, with a reflection, in space, and of angles."""
    rotation, axes = (special_ortho_group.rvs(5, random_state=seed) for seed in (3, 4))
    planes = Sweep((planar_geodesic(0), planar_geodesic(1)), axes, ((0, 3), (4, 1)))
    space = random_geodesic(Grid((6, 6, 6), "cube"), 1.0, 0, steps=4)
    torus = random_geodesic(Grid((12, 12), "torus"), 1.0, 0, steps=12)
    rng = np.random.default_rng(5)
    conditional = ConditionalSweep(
        axes, rng.standard_normal((3, 4)), rng.standard_normal(4), 0.3 * rng.standard_normal((1, 5, 3, 3)), 1
    )
    quarter = np.array([[0.0, -1.0], [1.0, 0.0]])
    return {
        "planes": Rearrangement(rotation, (planes, Sweep((planar_geodesic(2),), rotation, ((2, 1),)))),
        "reflected": Rearrangement(np.diag([-1.0, 1.0]), (Sweep((planar_geodesic(0),), np.eye(2)),)),
        "space": Rearrangement(np.eye(3), (Sweep((space,), np.eye(3)),)),
        "conditional": Rearrangement(rotation, (planes, conditional)),
        "angles": Rearrangement(np.eye(4)[::-1], (Sweep((torus, torus), np.eye(4), ((0, 3), (1, 2))),), np.ones(4)),
        "torus": Rearrangement(quarter, (Sweep((torus,), np.eye(2)),), np.ones(2)),
    }
