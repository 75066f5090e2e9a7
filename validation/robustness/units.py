"""Maps and statuses of shifted, scaled and reversed data, over eight seeds; equations (22) and (23).

    python validation/robustness/units.py [--seeds 8] [--pairs 1024]

For each problem, seed and kind of latents the data are shifted by up to a million spreads and scaled by 1e-6 to
1e6. The table counts the maps that have the bits of the first one and those within 1e-6 of it, statuses that differ and
maps that are worse than none on fresh pairs. Then latents are exchanged, so that flows reverse orientation.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable

import numpy as np

import eulerot
from eulerot.errors import SampleWarning
from eulerot.latent.source import normal_points, random_source

Map = Callable[[np.ndarray], np.ndarray]
UNITS = (
    (2.0**-20, 0.0), (4.0, 0.0), (2.0**20, 0.0), (1e-6, 0.0), (0.01, 0.0), (30.0, 0.0), (1e6, 0.0), (1.0, 10.0),
    (1.0, -1e3), (1.0, 1e6), (30.0, -1e6), (0.01, 100.0),
)  # fmt: skip


def swirl(z: np.ndarray) -> np.ndarray:
    """Return the images of latents that turn in their first plane and are then stretched."""
    angle = np.exp(-0.25 * np.sum(z[:, :2] ** 2, axis=1))
    y, cos, sin = z.copy(), np.cos(angle), np.sin(angle)
    y[:, 0], y[:, 1] = cos * z[:, 0] - sin * z[:, 1], sin * z[:, 0] + cos * z[:, 1]
    return y + 0.5 * np.tanh(y)


PROBLEMS: dict[str, tuple[int, Map, dict[str, object]]] = {
    "one dimension": (1, lambda z: -np.sinh(z), {}),
    "two moons": (2, eulerot.zoo.load("two_moons").forward, {"modes": 6}),
    "swirl, plane": (2, swirl, {"modes": 6, "align": False}),
    "swirl, space": (3, swirl, {"modes": 4}),
    "swirl, ten dimensions": (10, swirl, {"modes": 4, "geodesics": 1}),
}


def gain(result: eulerot.FitResult, data: Map, dim: int) -> float:
    """Return how much cheaper fresh pairs are by a map."""
    fresh = random_source(4000, dim, 12345)
    x, y = data(fresh), result.rearrangement.forward(fresh)
    return float(np.mean(np.sum((x - fresh) ** 2 - (x - y) ** 2, axis=1)))


def units_row(name: str, kind: str, seeds: int, n: int) -> str:
    """Return the row of a problem."""
    dim, data, options = PROBLEMS[name]
    same = near = other = worse = cases = 0
    for seed in range(seeds):
        z = random_source(n, dim, seed) if kind == "independent" else normal_points(n, dim, seed)
        x, probes = data(z), random_source(500, dim, 54321)
        first = eulerot.fit(z, x, seed=seed, **options)
        expected = first.rearrangement.forward(probes)
        worse += gain(first, data, dim) < 0
        for scale, shift in UNITS:
            found = eulerot.fit(z, scale * x + shift, seed=seed, **options)
            images = found.rearrangement.forward(probes)
            cases += 1
            same += images.tobytes() == expected.tobytes()
            near += float(np.abs(images - expected).max()) < 1e-6
            other += found.status != first.status
    return f"| {name}, {kind} | {cases} | {same} | {near} | {other} | {worse} |"


def reversed_row(name: str, options: dict[str, object]) -> str:
    """Return the row of a flow and of its twin with the first two latents exchanged."""
    flow, cells = eulerot.zoo.load(name), []
    order = [1, 0, *range(2, flow.dim)]
    for reverse in (False, True):
        data = (lambda z: flow.forward(np.ascontiguousarray(z[:, order]))) if reverse else flow.forward
        z, fresh = normal_points(4096, flow.dim), random_source(2000, flow.dim, 12345)
        begun = time.perf_counter()
        rearrangement = eulerot.fit(z, data(z), **options).rearrangement
        seconds, x = time.perf_counter() - begun, data(fresh)
        before, after = (eulerot.transport_report(y, x).excess for y in (fresh, rearrangement.forward(fresh)))
        cells.append(f"{1 - after / before:.1%} | {seconds:.1f} s")
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--pairs", type=int, default=1024)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", SampleWarning)
    print("| problem | cases | same bits | within 1e-6 | other status | worse than none |\n|---|---|---|---|---|---|")
    for name in PROBLEMS:
        for kind in ("independent", "Sobol"):
            print(units_row(name, kind, arguments.seeds, arguments.pairs), flush=True)
    print("\n| flow | closed | time | reversed: closed | time |\n|---|---|---|---|---|")
    for name in ("two_moons", "eight_gaussians", "checkerboard", "pinwheel"):
        print(reversed_row(name, {"align": False}), flush=True)
    for name, options in (("trefoil", {"modes": 6}), ("digits", {"geodesics": 3})):
        print(reversed_row(name, options), flush=True)


if __name__ == "__main__":
    main()
