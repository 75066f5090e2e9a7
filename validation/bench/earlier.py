"""Time fits and particles beside an earlier commit, in turns, each call in a process of its own whose code is compiled.

    python validation/bench/earlier.py [fits] [particles] [--rounds 5] [--against 980ef3d]

*Fits* are of 8192 pairs, on two threads: of planted problems, whose Monge map is known, with the map's error L2-UVP in
per cent; and of flows of the zoo, with the cost of 20,000 fresh pairs. Each round has a sample of its own, the same at
both commits, because the evaluations of a fit depend on the sample; the ratio is the median of the rounds'. At the
earlier commit one geodesic was the default in the plane and in space. *Particles* are 100,000 that a geodesic carries
through 16 steps of RK4, velocities alone: the field is computed before.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from cold import ROOT, checked_out
from timing import in_turns, ratio

FITS_FOLDER = ROOT / "validation" / "fits"
FIT = """
import sys, time
sys.path.append({folder!r})
import numpy as np, eulerot
from problems import PLANTED, planted_in
seed = int(sys.argv[1])
if {problem!r} in eulerot.zoo.names():
    flow = eulerot.zoo.load({problem!r})
    z = np.random.default_rng(seed).standard_normal((8192, flow.dim))
else:
    flow = PLANTED[{problem!r}] if {problem!r} in PLANTED else planted_in(int({problem!r}))
    z = flow.latents(8192, seed)
x = flow.forward(z)
eulerot.fit(z[:2000], x[:2000], **dict({options}, modes=4))
start = time.perf_counter()
result = eulerot.fit(z, x, {options_text})
seconds = time.perf_counter() - start
z = np.random.default_rng(1_000_000).standard_normal((20_000, z.shape[1]))
y, x = result.rearrangement.forward(z), flow.forward(z)
if hasattr(flow, "monge"):
    truth = flow.monge.forward(y)
    print(seconds, 100 * np.mean(np.sum((x - truth) ** 2, axis=1)) / np.sum(truth.var(axis=0)))
else:
    print(seconds, np.mean(np.sum((x - y) ** 2, axis=1)))
"""
PARTICLES = """
import time
import numpy as np, eulerot
from eulerot.euler.integrators import RK4
grid = eulerot.Grid.from_modes({modes}, dim={dim})
rng = np.random.default_rng(0)
shape = grid.points if {dim} == 2 else (3, *grid.points)
geodesic = eulerot.Geodesic(rng.standard_normal(shape), grid, time=0.05, steps=16, tableau=RK4, threads={threads})
positions = rng.uniform(0.1, 3.0, (100_000, {dim}))
times = []
for _ in range(6):
    start = time.perf_counter()
    geodesic.forward(positions)
    times.append(time.perf_counter() - start)
print(np.median(times[1:]), 0.0)
"""


class Case(NamedTuple):
    """What is timed: a name, and the programs of the earlier commit and of this one."""

    name: str
    before: str
    here: str


def fit(name: str, problem: str, **options: object) -> Case:
    """Return the fit of a problem by the defaults of before, and by options of now."""

    def program(given: dict[str, object]) -> str:
        text = ", ".join(f"{key}={value!r}" for key, value in given.items())
        return FIT.format(folder=str(FITS_FOLDER), problem=problem, options=given, options_text=text)

    return Case(name, program({}), program(options))


def particles(dim: int, modes: int) -> Case:
    """Return the time of particles in the box, on one thread."""
    program = PARTICLES.format(dim=dim, modes=modes, threads=1)
    return Case(f"{dim} dimensions, K = {modes}", program, program)


CASES = {
    "fits": [
        fit("swirl: one geodesic", "swirl", geodesics=1),
        fit("swirl: default", "swirl"),
        *(fit(f"{name}: one geodesic", name, geodesics=1) for name in ("checkerboard", "pinwheel", "two_moons")),
        fit("3-D: two geodesics", "3", geodesics=2),
        fit("3-D: default", "3"),
        fit("10-D: two geodesics", "10", geodesics=2),
        fit("10-D: default", "10"),
    ],
    "particles": [particles(2, 16), particles(2, 32), particles(2, 64), particles(3, 10)],
}


def measured(package: Path, program: str, machine_code: str, seed: int) -> tuple[float, float]:
    """Return the seconds that a program prints with the package of a folder, and its other number."""
    environment = {**os.environ, "PYTHONPATH": str(package), "NUMBA_CACHE_DIR": machine_code}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, str(seed)],
        env=environment, capture_output=True, text=True, check=True, cwd=machine_code,
    )  # fmt: skip
    seconds, other = map(float, done.stdout.split()[-2:])
    return seconds, other


def main() -> None:
    """Print the tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", default=list(CASES), help="fits, particles; by default both")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--against", default="980ef3d")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        places = {"before": checked_out(arguments.against, scratch), "here": ROOT}
        code = {place: tempfile.mkdtemp(dir=scratch) for place in places}
        for what in arguments.what:
            print(f"\n| {what} | {arguments.against}, s | error or cost | here, s | error or cost | faster by |")
            print("|---|---|---|---|---|---|")  # particles have no error: zero
            for case in CASES[what]:
                programs = {"before": case.before, "here": case.here}
                for place in places:
                    measured(places[place], programs[place], code[place], 0)  # compiles
                runs: dict[str, list[tuple[float, float]]] = {place: [] for place in places}
                for place in in_turns(places, arguments.rounds):
                    seed = len(runs[place])
                    runs[place].append(measured(places[place], programs[place], code[place], seed))
                before, here = (np.median(runs[place], axis=0) for place in places)
                words = f"{before[0]:.3g} | {before[1]:.3g} | {here[0]:.3g} | {here[1]:.3g}"
                seconds = {place: [seconds for seconds, _ in runs[place]] for place in places}
                print(f"| {case.name} | {words} | {ratio(seconds, 'before', 'here'):.2f} |", flush=True)


if __name__ == "__main__":
    main()
