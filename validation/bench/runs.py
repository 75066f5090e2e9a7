"""Time whole runs of every peer with the energy after each step, on one core and the same grid, without viscosity.

    python validation/bench/runs.py --points 256x256,1024x1024,64x64x64 [--python PEER=INTERPRETER]

In the plane from a smooth random vorticity, in space the Taylor-Green vortex, all from the same field in the same
steps, each by the scheme that its users take. Each runs in a process of its own, and they are timed in turns, after one
run to warm up. The end of each is compared with that of eulerot.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from solvers import PEERS_2D, PEERS_3D, Worker, compare_on_grids, parser_of
from timing import in_turns, median, ratio

RUNS = Path(__file__).with_name("peer_runs.py")
SCHEMES = {
    "eulerot": "RK4, 4 tendencies",
    "exponax": "ETDRK4, 4",
    "jax_cfd": "low-storage RK4, 5",
    "fluidsim": "RK4, 4",
    "pyqg": "AB3, 1",
    "torch_cfd": "low-storage RK4, 5",
}
# Short steps, so that what schemes and dealiasing differ by stays small, as many as take a second or so
STEPS = {256: (5e-4, 200), 512: (2.5e-4, 80), 1024: (1.25e-4, 16), 64: (0.016, 40), 128: (0.008, 6)}


def compare(points: tuple[int, ...], pythons: dict[str, str], *, rounds: int, core: int, keep_memory: bool) -> None:
    """Print the table of one grid in Markdown."""
    peers, workers = PEERS_2D if len(points) == 2 else PEERS_3D, dict[str, Worker]()
    dt, steps = STEPS[points[0]]
    with tempfile.TemporaryDirectory() as folder:
        for name, peer in peers.items():
            words = [dt, steps, Path(folder, f"{name}.npy")]
            try:
                workers[name] = Worker(
                    RUNS, name, peer, points, pythons.get(name, sys.executable), core=core, words=words,
                    keep_memory=keep_memory,
                )  # fmt: skip
            except RuntimeError as error:
                print(f"{name} left out: {error}", file=sys.stderr)
        ends = {name: np.load(Path(folder, f"{name}.npy")) for name in workers}
        times: dict[str, list[float]] = {name: [] for name in workers}
        for name in in_turns(workers, rounds):
            times[name].append(workers[name].seconds() / steps)
    first = next(iter(workers))
    print(f"\n| {'x'.join(map(str, points))}, {steps} steps of {dt:.2g} | a step, ms | over {first} | scheme ", end="")
    print("| energy, change | end, from eulerot's |\n|---|---|---|---|---|---|")
    for name, worker in workers.items():
        apart = np.linalg.norm(ends[name] - ends[first]) / np.linalg.norm(ends[first])
        print(
            f"| {peers[name].distribution} {worker.facts['version']} | {median(times, name):.2f} "
            f"| {ratio(times, name, first):.2f} | {SCHEMES[name]} | {worker.facts['drift']:.0e} | {apart:.0e} |",
            flush=True,
        )
        worker.close()


def main() -> None:
    """Compare whole runs."""
    compare_on_grids(compare, parser_of(__doc__, rounds=5).parse_args())


if __name__ == "__main__":
    main()
