"""Measure what trying few steps first is worth, and what the corrections of steps say of errors.

    python validation/euler/few_steps.py [FLOW ...] [--seed 3] [--threads 2]

Of the fits of flows of the zoo in the plane, of one geodesic and by default, for each of the first three geodesics that
try few steps: all steps, those that are tried first, the share of 20,000 normal latents that take all, what it comes to
in steps for one of all, the same of the best number of few steps, and the largest error of the map for a correction of
one, where that is above the tolerance: a fifth is trusted.
"""

from __future__ import annotations

import numpy as np
from zoo_geodesics import arguments_of, geodesics

from eulerot.euler.geodesic import Geodesic
from eulerot.euler.particles.schemes import LEAST
from eulerot.latent.chart import to_box, to_latent

COLUMNS = "flow, geodesics, steps, tried first, take all, cost, best, its cost, error by correction"
HEADER = f"| {COLUMNS.replace(', ', ' | ')} |\n{'|---' * 9}|"


def watched(geodesic: Geodesic, count: int, phases: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the phases at the end of so many steps, and the largest corrections."""
    return geodesic.in_steps(count, geodesic.field_steps, multistep=True).flow_map.advance_watched(phases)


def row(geodesic: Geodesic, few: int, phases: np.ndarray) -> str:
    """Return what one geodesic adds to the table."""
    trusted = geodesic.flow_map.corrected  # type: ignore[attr-defined]
    steps, counts = geodesic.steps, range(max(LEAST, few - 4), min(geodesic.steps, few + 5))
    found = {count: watched(geodesic, count, phases) for count in counts}
    again = {count: np.mean(corrections > trusted) for count, (_, corrections) in found.items()}
    costs = {count: count / steps + share for count, share in again.items()}
    finest = geodesic.in_steps(3 * steps + 30, geodesic.field_steps).flow_map.advance(phases)
    ends, corrections = found[few]
    errors, large = np.max(np.abs(to_latent(ends) - to_latent(finest)), axis=1), corrections > geodesic.tolerance
    best, ratio = min(costs, key=costs.__getitem__), np.max(errors[large] / corrections[large])
    return f"{steps} | {few} | {again[few]:.2f} | {costs[few]:.2f} | {best} | {costs[best]:.2f} | {ratio:.2f}"


def main() -> None:
    """Print the table in Markdown."""
    arguments = arguments_of(__doc__)
    rng = np.random.default_rng(arguments.seed)
    phases = to_box(rng.standard_normal((20_000, 2)))
    print(HEADER)
    for name, count, each in geodesics(arguments, rng):
        if each.few_steps:
            print(f"| {name} | {count} | {row(each, each.few_steps, phases)} |", flush=True)


if __name__ == "__main__":
    main()
