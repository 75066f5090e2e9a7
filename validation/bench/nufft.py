"""Time particles by splines and by a non-uniform FFT (finufft, type 2), and print how far apart they are.

    python validation/bench/nufft.py [--domain torus] [--particles 50000] [--threads 2]

What is timed is one step of RK4, four evaluations of the velocity, by `Advection` and by `NonuniformAdvection`, whose
two components come from one complex transform; its points are set anew at each evaluation, because particles move.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from timing import alternate, median, ratio

from eulerot.euler.equations import VorticityEquation
from eulerot.euler.grid import Grid
from eulerot.euler.integrators import RK4, RungeKutta
from eulerot.euler.particles.advection import Advection
from eulerot.euler.particles.nonuniform import NonuniformAdvection
from eulerot.euler.particles.phases import to_phases, to_positions

SIZES = (8, 12, 16, 24, 32, 48, 64, 96)
DT = 1e-3


def calls(grid: Grid, particles: int, threads: int) -> dict[str, Callable[[], np.ndarray]]:
    """Return calls that give the phases of particles after one step."""
    rng = np.random.default_rng(grid.modes[0])
    equation = VorticityEquation(grid)
    field = equation.analysed(rng.standard_normal(grid.points)) * grid.inverse_laplacian
    stages = equation.zeros(RK4.stages)
    RungeKutta(equation, RK4).step(field, DT, equation.zeros(), stages)
    phases = to_phases(rng.uniform(0, grid.sides, (particles, 2)), grid)
    fast = NonuniformAdvection(equation, RK4, threads)
    return {
        "splines": lambda: Advection.of(equation, stages[None], DT, RK4, threads).advance(phases),
        "nufft": lambda: fast.advance(phases, stages, DT),
    }


def main() -> None:
    """Print the milliseconds of a step in a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--domain", choices=("torus", "cube"), default="cube")
    parser.add_argument("--particles", type=int, default=50_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    print(f"{arguments.domain}, {arguments.particles} particles, {arguments.threads} thread(s)\n")
    print("| K | splines, ms | NUFFT, ms | NUFFT over splines | largest difference |\n|---|---|---|---|---|")
    for modes in SIZES:
        grid = Grid.from_modes(modes, domain=arguments.domain)
        both = calls(grid, arguments.particles, arguments.threads)
        # as positions: close to the middle of the box a phase may be measured from either wall
        difference = np.abs(to_positions(both["splines"](), grid) - to_positions(both["nufft"](), grid)).max()
        times = alternate(both, rounds=arguments.rounds)
        splines, fast = median(times, "splines"), median(times, "nufft")
        share = ratio(times, "nufft", "splines")
        print(f"| {grid.modes[0]} | {splines:.1f} | {fast:.1f} | {share:.1f} | {difference:.0e} |", flush=True)


if __name__ == "__main__":
    main()
