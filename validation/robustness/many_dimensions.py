"""Memory, time and honesty of fits in up to 784 dimensions, and what the check of latents refuses there.

    python validation/robustness/many_dimensions.py [--dimensions 4 10 32 64 128 256 784] [--pairs 4096]

Claims. `rearrange`, with its check of the flow, and `report(512)` stay within 4 GiB, whatever the dimension: each row
of the first table is a process of its own, and its memory the largest resident set. Fits gain on fresh pairs beyond
alignment, or say that they have not: flows with something to gain are those of `problems.planted_in`, and their Monge
maps after a rotation have nothing to gain. Latents of a Sobol sequence and independent ones pass the check of the
source, and what is plainly not normal does not.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parents[1] / "fits"))

from problems import PlantedFlow, Swirl, planted_in

import eulerot
from eulerot.errors import SampleWarning, SourceError
from eulerot.latent.source import check_source, normal_points, random_source

FRESH = 8192
SIZES = [(d, n) for d in (2, 10, 64, 256, 784) for n in (64, 256, 1000, 4096, 16384) if d * n < 4e6]
LATENTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "as they are": lambda z: z,
    "1.1 times as wide": lambda z: 1.1 * z,
    "1.3 times as wide": lambda z: 1.3 * z,
    "0.7 times as wide": lambda z: 0.7 * z,
    "shifted by 0.5": lambda z: z + 0.5,
    "data of the flow": lambda z: planted_in(z.shape[1]).forward(z),
    "a pair correlated 0.5": lambda z: np.column_stack([z[:, 0], 0.5 * z[:, 0] + np.sqrt(0.75) * z[:, 1], z[:, 2:]]),
    "all correlated 0.5": lambda z: np.sqrt(0.5) * (z + np.random.default_rng(9).standard_normal((len(z), 1))),
}


def flow_of(dim: int, gain: bool) -> PlantedFlow:
    """Return a planted flow, or one that needs no more than a rotation."""
    flow = planted_in(dim)
    still = flow.rho.__class__(flow.rho.rotation, flow.rho.axes, (Swirl(peak=0.0, width=1.0),) * (dim // 2))
    return flow if gain else PlantedFlow(still, flow.monge, dim)


def measured(dim: int, pairs: int, gain: bool) -> dict[str, float | int | str]:
    """Return what a fit took, how it ended, and its gain beyond alignment on fresh pairs with its standard error."""
    flow, begun = flow_of(dim, gain), time.perf_counter()
    twin = eulerot.rearrange(flow, n_pairs=pairs)
    fitted = time.perf_counter()
    if gain:
        twin.report(512)
    reported = time.perf_counter()
    s, z = twin.rearrangement, flow.latents(FRESH, seed=1)
    moved = (z @ s.rotation.T, s.forward(z), flow.rho.forward(z))
    aligned, after, least = (np.sum((flow.forward(z) - y) ** 2, axis=1) for y in moved)
    assert twin.fit is not None
    return {
        "fit": fitted - begun, "report": reported - fitted, "status": twin.fit.status, "planes": len(s.geodesics),
        "GiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "gain": float(np.mean(aligned - after)), "error": float(np.std(aligned - after) / np.sqrt(FRESH)),
        "to gain": float(np.mean(aligned - least)),
    }  # fmt: skip


def fit_row(dim: int, pairs: int, gain: bool) -> str:
    """Return the row of a fit in a process of its own."""
    command = [sys.executable, __file__, "--pairs", str(pairs), "--row", str(dim), str(int(gain))]
    row = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    report, share = (f"{row['report']:.0f} s", f"{row['gain'] / row['to gain']:.1%}") if gain else ("", "nothing")
    return (
        f"| {dim} | {row['GiB']:.2f} GiB | {row['fit']:.0f} s | {report} | {row['status']} | {row['planes']} | "
        f"{row['gain']:.3f} +- {row['error']:.3f} | {share} |"
    )


def refused(wrong: Callable[[np.ndarray], np.ndarray], dim: int, n: int, seeds: int) -> float:
    """Return the share of samples that the check of the source refuses, half of them Sobol, half independent."""
    count = 0
    for points in (normal_points, random_source):
        for seed in range(seeds):
            try:
                check_source(wrong(points(n, dim, seed)))
            except SourceError:
                count += 1
    return count / (2 * seeds)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dimensions", type=int, nargs="+", default=[4, 10, 32, 64, 128, 256, 784])
    parser.add_argument("--pairs", type=int, default=4096)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--row", type=int, nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", SampleWarning)
    if arguments.row:
        print(json.dumps(measured(arguments.row[0], arguments.pairs, bool(arguments.row[1]))))
        return
    print("| dimension | memory | fit | report | status | planes | gain beyond alignment | of what can be gained |")
    print("|---|---|---|---|---|---|---|---|")
    for dim in arguments.dimensions:
        for gain in (True, False):
            print(fit_row(dim, arguments.pairs, gain), flush=True)
    print(f"\n| latents refused | {' | '.join(f'{d} x {n}' for d, n in SIZES)} |\n|---|{'---|' * len(SIZES)}")
    for name, wrong in LATENTS.items():
        cells = [f"{refused(wrong, d, n, arguments.seeds):.0%}" for d, n in SIZES]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
