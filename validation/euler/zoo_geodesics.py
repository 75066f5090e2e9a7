"""Yield the delivered geodesics of fits of the zoo, which several scripts look at."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np

import eulerot
from eulerot.euler.geodesic import Geodesic

FLOWS = ("pinwheel", "two_moons", "checkerboard", "eight_gaussians", "linear")


def arguments_of(description: str | None) -> argparse.Namespace:
    """Return the flows, the seed and the threads of the command line."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("flows", nargs="*", default=FLOWS)
    return parser.parse_args()


def geodesics(arguments: argparse.Namespace, rng: np.random.Generator) -> Iterator[tuple[str, str, Geodesic]]:
    """Yield each flow, "one" or "default" geodesics, and the first three of them: of 8192 pairs, not aligned."""
    for name in arguments.flows:
        flow, z = eulerot.zoo.load(name), rng.standard_normal((8192, 2))
        for count, options in (("one", {"geodesics": 1}), ("default", {})):
            fit = eulerot.fit(z, flow.forward(z), align=False, threads=arguments.threads, **options)
            for each in fit.rearrangement.geodesics[:3]:
                yield name, count, each
