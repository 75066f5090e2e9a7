"""Measure how far delivered geodesics are from their limit, where nobody looked while their steps were chosen.

    python validation/euler/delivered.py [FLOW ...] [--seed 3] [--threads 2]

Of the fits of flows of the zoo in the plane, of one geodesic and by default: for each of the first three geodesics its
steps, those that are tried first, its scheme, and the largest distance of 22,000 latents, tails among them, from the
map in more than twice the steps, of particles by DOP853 and of the field; and of the inverse. 1e-9 is asked for, of the
map, at 512 probes.
"""

from __future__ import annotations

import numpy as np
from zoo_geodesics import arguments_of, geodesics

from eulerot.euler.geodesic import Geodesic
from eulerot.latent.chart import chart_distance, to_box

COLUMNS = "flow, geodesics, modes, steps, tried first, scheme, steps of the field, error, inverse's error"
HEADER = f"| {COLUMNS.replace(', ', ' | ')} |\n{'|---' * 9}|"


def errors(geodesic: Geodesic, latents: np.ndarray) -> tuple[float, float]:
    """Return the largest distances of latents from where short steps take them, by the map and its inverse."""
    finer = geodesic.in_steps(2 * geodesic.steps + 30, 2 * (geodesic.field_steps or geodesic.steps))
    pairs = (geodesic.flow_map, finer.flow_map), (geodesic.inverse_flow_map, finer.inverse_flow_map)
    phases = to_box(latents)
    there, back = (chart_distance(*(each.advance(phases) for each in pair), domain="cube") for pair in pairs)
    return there, back


def main() -> None:
    """Print the table in Markdown, and what the errors are in all."""
    arguments = arguments_of(__doc__)
    rng, found = np.random.default_rng(arguments.seed), []
    latents = np.concatenate([rng.standard_normal((20_000, 2)), 2.5 * rng.standard_normal((2000, 2))])
    print(HEADER)
    for name, count, each in geodesics(arguments, rng):
        found.append(errors(each, latents))
        there, back = found[-1]
        scheme, steps = "Adams" if each.multistep else "DOP853", f"{each.steps} | {each.few_steps or ''}"
        row = f"{each.grid.modes[0]} | {steps} | {scheme} | {each.field_steps} | {there:.1e} | {back:.1e}"
        print(f"| {name} | {count} | {row} |", flush=True)
    for of, column in zip(("the map", "the inverse"), np.transpose(found), strict=True):
        above, mean = np.sum(column > 1e-9), np.exp(np.mean(np.log(column)))
        print(f"\nOf {of}: largest {column.max():.1e}, geometric mean {mean:.1e}; {above} of {len(column)} above 1e-9.")


if __name__ == "__main__":
    main()
