"""Time Runge-Kutta steps in small boxes: by products with matrices, compiled together, against fast transforms.

    python validation/bench/small_boxes.py [--rounds 15]

The third ratio is of as many steps by two threads at a time, which share the interpreter, against one: 2 at best.
"""

from __future__ import annotations

import argparse
from functools import partial

import numpy as np
from timing import alternate, median, ratio

from eulerot import Grid
from eulerot._threads import run_tasks
from eulerot.euler.equations import Equation, equation_of
from eulerot.euler.integrators import RK4, RungeKutta

POINTS = (18, 32, 54, 90, 144, 162, 192, 216)
STEPS = 64


def steps_of(equation: Equation, threads: int) -> None:
    """Take steps of one field, shared by threads that each have arrays of their own."""
    field = np.ones(equation.grid.shape_hat) / (1.0 + equation.grid.laplacian)

    def some() -> None:
        scheme, out = RungeKutta(equation, RK4), equation.zeros()
        for _ in range(STEPS // threads):
            scheme.step(field, 1e-3, out)

    run_tasks([some] * threads, threads)


def main() -> None:
    """Print the table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    print("| points | modes | matrices, us | FFTW, us | faster by | by two threads | FFTW by two threads |")
    print("|---|---|---|---|---|---|---|")
    for points in POINTS:
        grid = Grid((points, points), "cube")
        equations = {"matrices": equation_of(grid), "FFTW": equation_of(grid, backend="fftw")}
        calls = {
            f"{name} {threads}": partial(steps_of, equation, threads)
            for name, equation in equations.items() for threads in (1, 2)
        }  # fmt: skip
        times = alternate(calls, rounds=rounds, seconds=0.05)
        steps = [f"{1e3 * median(times, f'{name} 1') / STEPS:.3f}" for name in equations]
        ratios = [("FFTW 1", "matrices 1"), ("matrices 1", "matrices 2"), ("FFTW 1", "FFTW 2")]
        print(" | ".join([f"| {points}", str(grid.modes[0]), *steps, *(f"{ratio(times, *r):.2f}" for r in ratios), ""]))


if __name__ == "__main__":
    main()
