"""Time a tendency, shared by processes, beside the transforms alone that mpi4py-fft would do for it, in turns.

    apt-get install libfftw3-dev
    MPICC=$(which mpicc) pip install mpi4py-fft  # the wheel of MPICH has mpicc
    mpiexec -n 2 python validation/bench/mpi_peer.py

mpi4py-fft knows nothing of truncation: as many transforms as a tendency needs, 2 back and 2 forth in the plane, 3 and 5
in space, of full spectra, over slabs. All that eulerot does is in its time: products, truncation, both ways between
coefficients and spectra. Where mpi4py does not find MPICH, LD_LIBRARY_PATH names the folder `lib` of the environment.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import numpy as np
from eulerot_side import random_field_hat
from mpi4py import MPI
from mpi4py_fft import PFFT, newDistArray
from timing import in_turns

from eulerot._ranks import Ranks
from eulerot.euler.equations import equation_of
from eulerot.euler.grid import Grid
from eulerot.euler.shared_grid import shared

WORLD = MPI.COMM_WORLD
SIZES = ((1024, 1024), (128, 128, 128))
TRANSFORMS = {2: (2, 2), 3: (3, 5)}
ROUNDS, CALLS = 10, 8


def tendency(grid: Grid, ranks: Ranks) -> Callable[[], None]:
    """Return a call that evaluates the tendency of a random field."""
    part = shared(grid, ranks)
    equation = equation_of(part)
    field, out = part.part_of(random_field_hat(grid, 1 if grid.dim == 2 else 3)), equation.zeros()
    return lambda: equation.tendency(field, out)


def transforms(points: tuple[int, ...]) -> Callable[[], None]:
    """Return a call that does the transforms of a tendency by mpi4py-fft."""
    plan = PFFT(WORLD, points, dtype=np.float64, slab=True)
    values, spectrum = newDistArray(plan, False), newDistArray(plan, True)
    values[...] = np.random.default_rng(WORLD.rank).standard_normal(values.shape)
    back, forth = TRANSFORMS[len(points)]

    def call() -> None:
        for _ in range(back):
            plan.backward(spectrum, values, normalize=False)
        for _ in range(forth):
            plan.forward(values, spectrum, normalize=False)

    return call


def seconds(call: Callable[[], None]) -> list[float]:
    """Return the times of some calls, each until all processes are through."""
    times = []
    for _ in range(CALLS):
        WORLD.Barrier()
        begun = perf_counter()
        call()
        WORLD.Barrier()
        times.append(perf_counter() - begun)
    return times


def main() -> None:
    """Print the table in Markdown."""
    if WORLD.rank == 0:
        print(
            "| points | processes | tendency, ms | transforms by mpi4py-fft, ms | ratio |\n|---|---|---|---|---|",
            flush=True,
        )
    for points in SIZES:
        with Ranks(WORLD) as ranks:
            calls = {"tendency": tendency(Grid(points), ranks), "transforms": transforms(points)}
            times: dict[str, list[float]] = {name: [] for name in calls}
            for call in calls.values():
                seconds(call)
            for name in in_turns(calls, ROUNDS):
                times[name] += seconds(calls[name])
        if WORLD.rank == 0:
            ours, theirs = (1e3 * float(np.median(times[name])) for name in calls)
            size = "x".join(map(str, points))
            print(f"| {size} | {WORLD.size} | {ours:.1f} | {theirs:.1f} | {ours / theirs:.2f} |", flush=True)


if __name__ == "__main__":
    main()
