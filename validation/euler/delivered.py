"""Measure how far delivered geodesics are from their limit, where nobody looked while their steps were chosen.

    python validation/euler/delivered.py [FLOW ...] [--seed 3] [--threads 2]

Of the fits of flows of the zoo in the plane, of one geodesic and by default: for each of the first three geodesics its
steps, its scheme, and the largest distance of 22,000 latents, tails among them, from the map in more than twice the
steps, of particles by DOP853 and of the field. 1e-9 is asked for, at 512 probes.
"""

from __future__ import annotations

import argparse

import numpy as np

import eulerot
from eulerot.euler.geodesic import Geodesic
from eulerot.latent.chart import chart_distance, to_box

FLOWS = ("pinwheel", "two_moons", "checkerboard", "eight_gaussians", "linear")
HEADER = "| flow | geodesics | modes | steps | scheme | steps of the field | error |\n|---|---|---|---|---|---|---|"


def error(geodesic: Geodesic, latents: np.ndarray) -> float:
    """Return the largest distance of latents from where short steps take them."""
    finer = geodesic.in_steps(2 * geodesic.steps + 30, 2 * (geodesic.field_steps or geodesic.steps))
    ends = (each.flow_map.advance(to_box(latents)) for each in (geodesic, finer))
    return chart_distance(*ends, domain="cube")


def main() -> None:
    """Print the table in Markdown, and what the errors are in all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("flows", nargs="*", default=FLOWS)
    arguments = parser.parse_args()
    rng, errors = np.random.default_rng(arguments.seed), []
    latents = np.concatenate([rng.standard_normal((20_000, 2)), 2.5 * rng.standard_normal((2000, 2))])
    print(HEADER)
    for name in arguments.flows:
        flow, z = eulerot.zoo.load(name), rng.standard_normal((8192, 2))
        for count, options in (("one", {"geodesics": 1}), ("default", {})):
            fit = eulerot.fit(z, flow.forward(z), align=False, threads=arguments.threads, **options)
            for each in fit.rearrangement.geodesics[:3]:
                errors.append(error(each, latents))
                scheme = "Adams" if each.multistep else "DOP853"
                row = f"{each.grid.modes[0]} | {each.steps} | {scheme} | {each.field_steps} | {errors[-1]:.1e}"
                print(f"| {name} | {count} | {row} |", flush=True)
    above, mean = sum(each > 1e-9 for each in errors), np.exp(np.mean(np.log(errors)))
    print(f"\nLargest {max(errors):.1e}, geometric mean {mean:.1e}; {above} of {len(errors)} above 1e-9.")


if __name__ == "__main__":
    main()
