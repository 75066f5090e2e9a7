"""Show how many steps the field of a delivered map takes, by what its particles read between them.

    python validation/euler/between_steps.py [FLOW ...] [--seed 0]

Of the one geodesic of a fit of 8192 pairs, without alignment: the largest distance of the probes of its delivery from
the map with 240 steps of the field, the particles in 48 of DOP853. They read the field by Hermite interpolation, as the
package has it, or by splines of degree nine through the fields alone, as it had it before.
"""

from __future__ import annotations

import argparse
from functools import partial

import numpy as np
from scipy.interpolate import make_interp_spline

import eulerot
from eulerot.euler.equations import equation_of
from eulerot.euler.geodesic import Geodesic
from eulerot.euler.integrators import DOP853
from eulerot.euler.interpolated import InterpolatedTrajectory
from eulerot.euler.particles.advection import Advection
from eulerot.euler.particles.schemes import runge_kutta
from eulerot.latent.chart import chart_distance
from eulerot.rearrangement.delivery import _probes

FINEST, PARTICLES = 240, 48
COUNTS = (24, 30, 36, 45, 54, 68, 90)
distance = partial(chart_distance, domain="cube")


class SplinedTrajectory(InterpolatedTrajectory):
    """The same, but for what the particles read."""

    def advection_by(self, fields: np.ndarray) -> Advection:
        """Return the advection of particles by splines through the fields."""
        (steps,) = self.steps
        carriers = self.equation.carrier(fields[:, 0])
        read = make_interp_spline(np.linspace(0.0, self.time, len(carriers)), carriers, k=9)
        return Advection(self.equation.grid, read(np.clip(steps.times, 0.0, self.time)), self.steps)


def end(geodesic: Geodesic, count: int, kind: type[InterpolatedTrajectory]) -> np.ndarray:
    """Return where the probes go with so many steps of the field."""
    steps = runge_kutta(DOP853, PARTICLES, geodesic.time / PARTICLES)
    trajectory = kind(equation_of(geodesic.grid), DOP853, geodesic.time, steps, count)
    return trajectory.advection(geodesic.field0_hat)[1].advance(_probes("cube", 2))


def main() -> None:
    """Print the table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("flows", nargs="*", default=("pinwheel", "two_moons", "checkerboard", "eight_gaussians"))
    arguments = parser.parse_args()
    print("| flow | modes | between steps |", *(f"{count} |" for count in COUNTS))
    print("|---|---|---|" + "---|" * len(COUNTS))
    for name in arguments.flows:
        flow, z = eulerot.zoo.load(name), np.random.default_rng(arguments.seed).standard_normal((8192, 2))
        (geodesic,) = eulerot.fit(z, flow.forward(z), geodesics=1, align=False).rearrangement.geodesics
        limit = end(geodesic, FINEST, InterpolatedTrajectory)
        for words, kind in (("splines", SplinedTrajectory), ("Hermite", InterpolatedTrajectory)):
            errors = (f"{distance(end(geodesic, count, kind), limit):.1e} |" for count in COUNTS)
            print(f"| {name} | {geodesic.grid.modes[0]} | {words} |", *errors, flush=True)


if __name__ == "__main__":
    main()
