"""How fast a machine is, as ratios that other machines should give too: `eulerot bench`."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import scipy
from tqdm import tqdm

from eulerot._progress import progress_of
from eulerot.checks import checked_count, checked_threads
from eulerot.euler.equations import equation_of
from eulerot.euler.grid import Grid
from eulerot.shooting.objective import Objective

__all__ = ["benchmark"]

Call = Callable[[], object]


def benchmark(*, rounds: int = 7, threads: int | None = None, progress: bool = False) -> dict[str, float]:
    """Measure the solver and the map in a few seconds; every number is a median of `rounds`, of ratios where it is one.

    Parameters
    ----------
    rounds : int
        Measurements of each.
    threads : int, optional
        Threads of the map; all processors by default.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    dict of str to float
        Each ratio or rate by its name.

    Raises
    ------
    ValueError
        If a number is not a positive whole one.

    See Also
    --------
    eulerot.validation.validate : Check claims with a known answer.

    Examples
    --------
    >>> benchmark(rounds=1, threads=1)["gradient over forward, 16 modes"] > 1
    True
    """
    rounds = checked_count("rounds", rounds)
    threads = checked_threads(threads)
    values: dict[str, float] = {}
    with progress_of(None, "measuring", "rounds", total=4 * rounds, shown=progress) as bar:
        for points in ((256, 256), (64, 64, 64)):
            seconds = _alternated(_tendency_and_transforms(points), rounds, bar)
            label = "x".join(map(str, points))
            values[f"tendency over its transforms, {label}"] = float(np.median(seconds[0] / seconds[1]))
        n, calls = 50_000, _map_and_gradient(50_000, threads)
        seconds = _alternated(calls, 2 * rounds, bar)
        values["gradient over forward, 16 modes"] = float(np.median(seconds[1] / seconds[0]))
        values[f"samples a second, 16 modes, 16 steps, {threads} threads"] = n / float(np.median(seconds[0]))
    return values


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
    z = np.random.default_rng(0).standard_normal((n, 2))
    objective = Objective(z, z + 1.0, Grid.from_modes(16), threads=threads)
    theta = 0.05 * np.random.default_rng(1).standard_normal(objective.size)
    return (lambda: objective.cost(theta)), (lambda: objective(theta, 0.0))
