"""``eulerot bench``: how fast this machine is, as ratios that other machines should give too."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from tqdm import tqdm

from eulerot.cli.streams import show_json

__all__ = ["add"]

Call = Callable[[], object]


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    words = "measure the solver and the map in a few seconds; every number is a median"
    parser = commands.add_parser("bench", help=words, description=words)
    parser.add_argument("--threads", type=int, help="threads of the map (all)")
    parser.add_argument("--rounds", type=int, default=7, help="measurements of each (7)")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    import os

    if arguments.rounds < 1:
        raise ValueError(f"--rounds: expected at least 1; got {arguments.rounds}.")
    threads = arguments.threads or os.cpu_count() or 1
    if threads < 1:
        raise ValueError(f"--threads: expected at least 1; got {threads}.")
    values: dict[str, float] = {}
    with tqdm(total=4 * arguments.rounds, desc="bench", disable=arguments.quiet) as bar:
        for points in ((256, 256), (64, 64, 64)):
            seconds = _alternated(_tendency_and_transforms(points), arguments.rounds, bar)
            label = "x".join(map(str, points))
            values[f"tendency over its transforms, {label}"] = float(np.median(seconds[0] / seconds[1]))
        n, calls = 50_000, _map_and_gradient(50_000, threads)
        seconds = _alternated(calls, 2 * arguments.rounds, bar)
        values["gradient over forward, 16 modes"] = float(np.median(seconds[1] / seconds[0]))
        values[f"samples a second, 16 modes, 16 steps, {threads} threads"] = n / float(np.median(seconds[0]))
    if arguments.json:
        show_json(values)
    else:
        for name, value in values.items():
            print(f"{name:<50}{value:>12.2f}" if value < 1000 else f"{name:<50}{value:>12.0f}")
    return 0


def _alternated(calls: tuple[Call, ...], rounds: int, bar: tqdm) -> np.ndarray:
    """Return seconds of each call in each round, shape ``(calls, rounds)``; taken in turns, all suffer alike."""
    seconds = np.empty((len(calls), rounds))
    for call in calls:
        call()
    for turn in range(rounds):
        for number, call in enumerate(calls):
            begun = time.perf_counter()
            call()
            seconds[number, turn] = time.perf_counter() - begun
        bar.update()
    return seconds


def _tendency_and_transforms(points: tuple[int, ...]) -> tuple[Call, Call]:
    """Return a tendency, and as many whole real transforms as it needs, alone (equation (6))."""
    import scipy.fft

    from eulerot.euler.equations import equation_of
    from eulerot.euler.grid import Grid

    equation = equation_of(Grid(points))
    field = np.random.default_rng(0).standard_normal(equation.shape) * equation.grid.inverse_laplacian + 0j
    values = equation.velocity(equation.projected(field))
    spectrum = scipy.fft.rfftn(values[0])
    inverse, forward = (2, 2) if len(points) == 2 else (3, 5)

    def transforms() -> None:
        for _ in range(inverse):
            scipy.fft.irfftn(spectrum, points)
        for _ in range(forward):
            scipy.fft.rfftn(values[0])

    out = equation.zeros()
    return (lambda: equation.tendency(field, out)), transforms


def _map_and_gradient(n: int, threads: int) -> tuple[Call, Call]:
    """Return a map of `n` latents by a geodesic of 16 modes in 16 steps of RK4, and its cost with the gradient."""
    from eulerot.euler.grid import Grid
    from eulerot.objective import Objective

    z = np.random.default_rng(0).standard_normal((n, 2))
    objective = Objective(z, z + 1.0, Grid.from_modes(16), threads=threads)
    theta = 0.05 * np.random.default_rng(1).standard_normal(objective.size)
    return (lambda: objective.cost(theta)), (lambda: objective(theta, 0.0))
