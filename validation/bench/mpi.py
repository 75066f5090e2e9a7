"""Time steps of two processes against those of one, and count what they exchange.

    mpiexec -n 2 python validation/bench/mpi.py

Needs the extra `mpi`. Each process has one thread. Goal: two at least 1.6 times faster than one at 1024^2 and 128^3.
While rank 0 computes alone, the others sleep. Where others use the machine, the least time of a step says what a quiet
one would give. The model of docs/mpi.md is filled in with what is measured here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
from eulerot_side import random_field_hat
from mpi4py import MPI

from eulerot._ranks import Ranks
from eulerot.euler.equations import equation_of
from eulerot.euler.grid import Grid
from eulerot.euler.integrators import RK4, RungeKutta
from eulerot.euler.shared_grid import shared

WORLD = MPI.COMM_WORLD
SIZES = ((1024, 1024), (128, 128, 128))
ROUNDS, SECONDS = 4, 1.0


def stepper(grid: Grid, ranks: Ranks) -> Callable[[], None]:
    """Return a call that takes one step of a random field, whose coefficients fall like ``|k|^-2``."""
    part = shared(grid, ranks)
    equation = equation_of(part)
    field = part.part_of(random_field_hat(grid, 1 if grid.dim == 2 else 3))
    scheme, out = RungeKutta(equation, RK4), equation.zeros()
    return lambda: scheme.step(field, 1e-6, out)


def seconds(step: Callable[[], None], count: int) -> list[float]:
    """Return the times of so many calls, each from when all processes are there."""
    times = []
    for _ in range(count):
        begun = time.perf_counter()
        step()
        times.append(time.perf_counter() - begun)
    return times


def wait_asleep() -> None:
    """Wait for all without taking the processor from any."""
    waiting = WORLD.Ibarrier()
    while not waiting.Test():
        time.sleep(0.002)


def exchanged(points: Sequence[int], ranks: int) -> tuple[float, float]:
    """Return the bytes that a process sends in a step, and those of full spectra: 4 fields an evaluation, or 8."""
    grid = Grid(tuple(points))
    fields, away = (4 if grid.dim == 2 else 8) * 4, (1 - 1 / ranks) / ranks
    full = (*points[1:-1], points[-1] // 2 + 1)
    kept, all_ = (points[0] * float(np.prod(each)) * 16 for each in (grid.shape_hat[1:], full))
    return fields * kept * away, fields * all_ * away


def main() -> None:
    """Print the time of a step alone and together, and the bytes that each process sends."""
    if WORLD.rank == 0:
        several = f"{WORLD.size} processes, ms | faster by"
        print(f"| | 1 process, least ms | {several} | 1, median ms | {several} | sent by each, MB | of full spectra |")
        print("|---|---|---|---|---|---|---|---|---|", flush=True)
    for points in SIZES:
        grid = Grid(points)
        with Ranks(WORLD) as ranks:
            alone = stepper(grid, Ranks()) if WORLD.rank == 0 else None
            together = stepper(grid, ranks)
            together()
            count = WORLD.bcast(max(1, round(SECONDS / min(seconds(alone, 2)))) if alone is not None else None)
            one, several = list[float](), list[float]()
            for _ in range(ROUNDS):
                one += seconds(alone, count) if alone is not None else []
                wait_asleep()
                several += seconds(together, count)
        if WORLD.rank == 0:
            words = []
            for measure in (np.min, np.median):
                a, b = 1e3 * measure(one), 1e3 * measure(several)
                words.append(f"{a:.1f} | {b:.1f} | {a / b:.2f}")
            sent, full = exchanged(points, WORLD.size)
            size = "x".join(map(str, points))
            print(f"| {size} | {' | '.join(words)} | {sent / 1e6:.1f} | {sent / full:.2f} |", flush=True)


if __name__ == "__main__":
    main()
