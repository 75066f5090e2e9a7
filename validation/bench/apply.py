"""Time delivered maps in samples a second, exact and from tables, and measure the errors of the tables.

    python validation/bench/apply.py [FLOW ...] [--threads 2] [--error 1e-6]

Goals on two threads: 5e5 samples a second exactly, 1e7 from a table within 1e-6. The maps are those that `eulerot.fit`
delivers, strict setting (one geodesic, not aligned), for the flows of the zoo. "faster" is than the same map without
steps that are tried first, in turns. "off" is the largest distance of the exact map from that in twice the steps, of
the field and the particles.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from functools import partial

import numpy as np
from timing import alternate, median

import eulerot
from eulerot.latent.chart import chart_distance, to_box
from eulerot.latent.source import normal_points

FLOWS = ("pinwheel", "two_moons", "checkerboard", "eight_gaussians")
COLUMNS = (
    "flow, steps, tried first, exact a second of 20k, of 500k, faster of 20k, of 500k, off, round trip, log det, "
    "table, built, a second of 1M, error, inverse's error, log det"
)
HEADER = f"| {COLUMNS.replace(', ', ' | ')} |\n{'|---' * 16}|"


def largest(values: np.ndarray) -> float:
    """Return the largest absolute value."""
    return float(np.abs(values).max())


def in_all_steps(exact: eulerot.Rearrangement) -> eulerot.Rearrangement:
    """Return the map whose particles try no fewer steps first."""
    (sweep,) = exact.sweeps
    return replace(exact, sweeps=(replace(sweep, geodesics=(replace(sweep.geodesics[0], few_steps=None),)),))


def row(name: str, threads: int, error: float) -> str:
    """Return one line of the table."""
    flow, z = eulerot.zoo.load(name), normal_points(8192, 2)
    exact = eulerot.fit(z, flow.forward(z), geodesics=1, align=False, threads=threads).rearrangement
    begun = time.perf_counter()
    table = exact.tabulated(error=error)
    built = time.perf_counter() - begun
    rng = np.random.default_rng(11)
    few, many = rng.standard_normal((20_000, 2)), rng.standard_normal((1_000_000, 2))
    plain, half = in_all_steps(exact), many[::2]
    maps = {
        "few": (exact, few), "plain few": (plain, few), "half": (exact, half), "plain half": (plain, half),
        "table": (table, many),
    }  # fmt: skip
    times = alternate({key: partial(each.forward, z) for key, (each, z) in maps.items()}, rounds=5)
    rates = {key: 1e3 * len(z) / median(times, key) for key, (_, z) in maps.items()}
    faster = " | ".join(f"{rates[key] / rates[f'plain {key}']:.2f}" for key in ("few", "half"))
    probes = np.concatenate([few, 3 * rng.standard_normal((2000, 2))])  # tails out to 10
    y, short = exact.forward(probes), exact.geodesics[0]
    finer = short.in_steps(2 * short.steps, 2 * short.field_steps)
    off = chart_distance(*(each.flow_map.advance(to_box(probes)) for each in (short, finer)), domain="cube")
    trip, volume = largest(exact.inverse(y) - probes), largest(exact.log_abs_det(probes))
    away = largest(np.linalg.norm(table.forward(probes) - y, axis=1))
    back = largest(np.linalg.norm(table.inverse(y) - probes, axis=1))
    own_volume = largest(table.log_abs_det(probes))
    own = f"{table.cells}^2 | {built:.1f} s | {rates['table']:.1e} | {away:.0e} | {back:.0e} | {own_volume:.0e}"
    exactly = f"{rates['few']:.1e} | {rates['half']:.1e} | {faster} | {off:.0e} | {trip:.0e} | {volume:.0e}"
    return f"| {name} | {short.steps} | {short.few_steps} | {exactly} | {own} |"


def main() -> None:
    """Print the table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--error", type=float, default=1e-6)
    parser.add_argument("flows", nargs="*", default=FLOWS)
    arguments = parser.parse_args()
    print(HEADER)
    for name in arguments.flows:
        print(row(name, arguments.threads, arguments.error), flush=True)


if __name__ == "__main__":
    main()
