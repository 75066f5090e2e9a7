"""Measure what trying few steps first is worth, and what the corrections of steps say of errors.

    python validation/euler/few_steps.py [FLOW ...] [--seed 3] [--threads 2]

Of the fits of flows of the zoo in the plane, of one geodesic and by default, for each of the first three geodesics that
try few steps: all steps, those that are tried first, the share of 20,000 normal latents that take all, what it comes to
in steps for one of all, the same of the best number of few steps, and the largest error of the map for a correction of
one, where that is above the tolerance: a fifth is trusted.
"""

from __future__ import annotations

import argparse

import numpy as np

import eulerot
from eulerot.euler.geodesic import Geodesic
from eulerot.euler.particles.schemes import LEAST
from eulerot.latent.chart import to_box, to_latent

FLOWS = ("pinwheel", "two_moons", "checkerboard", "eight_gaussians", "linear")
COLUMNS = "flow, geodesics, steps, tried first, take all, cost, best, its cost, error by correction"
HEADER = f"| {COLUMNS.replace(', ', ' | ')} |\n{'|---' * 9}|"


def watched(geodesic: Geodesic, count: int, phases: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the phases at the end of so many steps, and the largest corrections."""
    return geodesic.in_steps(count, geodesic.field_steps, multistep=True).flow_map.advance_watched(phases)


def row(geodesic: Geodesic, few: int, phases: np.ndarray) -> str:
    """Return what one geodesic adds to the table."""
    trusted = geodesic.flow_map.corrected  # type: ignore[attr-defined]
    costs, steps = {}, geodesic.steps
    for count in range(max(LEAST, few - 4), min(steps, few + 5)):
        costs[count] = count / steps + np.mean(watched(geodesic, count, phases)[1] > trusted)
    finest = geodesic.in_steps(3 * steps + 30, geodesic.field_steps).flow_map.advance(phases)
    ends, corrections = watched(geodesic, few, phases)
    errors, large = np.max(np.abs(to_latent(ends) - to_latent(finest)), axis=1), corrections > geodesic.tolerance
    best, ratio = min(costs, key=costs.__getitem__), np.max(errors[large] / corrections[large])
    again = np.mean(corrections > trusted)
    return f"{steps} | {few} | {again:.2f} | {costs[few]:.2f} | {best} | {costs[best]:.2f} | {ratio:.2f}"


def main() -> None:
    """Print the table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("flows", nargs="*", default=FLOWS)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    phases = to_box(rng.standard_normal((20_000, 2)))
    print(HEADER)
    for name in arguments.flows:
        flow, z = eulerot.zoo.load(name), rng.standard_normal((8192, 2))
        for count, options in (("one", {"geodesics": 1}), ("default", {})):
            fit = eulerot.fit(z, flow.forward(z), align=False, threads=arguments.threads, **options)
            for each in fit.rearrangement.geodesics[:3]:
                if each.few_steps:
                    print(f"| {name} | {count} | {row(each, each.few_steps, phases)} |", flush=True)


if __name__ == "__main__":
    main()
