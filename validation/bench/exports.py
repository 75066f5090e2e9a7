"""Time a map in torch and jax beside NumPy, in samples a second, and measure how far their tables are from its tables.

    .venv-flows/bin/python validation/bench/exports.py [FLOW] [--threads 2] [--error 1e-6] [--samples 262144]

Needs the libraries of the extra `flows`, from `make test-flows`. Times of compiled functions are those after the first
call, which compiles.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import eulerot
from eulerot.latent.source import normal_points


def rate(call: Callable[[], Any], samples: int, rounds: int = 5) -> tuple[float, float]:
    """Return samples a second, of the best of some calls, and the seconds of a first one before them."""
    times = []
    for _ in range(rounds + 1):
        begun = time.perf_counter()
        call()
        times.append(time.perf_counter() - begun)
    return samples / min(times[1:]), times[0]


def in_torch(table: Any, z: np.ndarray, threads: int) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield calls of the tables in torch."""
    import torch

    torch.set_num_threads(threads)
    double, single = table.to_torch(), table.to_torch().float()
    rows = {"double": (double, torch.tensor(z)), "single": (single, torch.tensor(z, dtype=torch.float32))}
    for name, (module, points) in rows.items():
        compiled = torch.compile(module, fullgraph=True)
        yield f"torch, tables, {name}", lambda module=module, points=points: module(points).numpy()
        yield f"torch, tables, {name}, compiled", lambda compiled=compiled, points=points: compiled(points).numpy()


def in_jax(table: Any, z: np.ndarray) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield calls of the tables in jax."""
    import jax

    for name, double in (("double", True), ("single", False)):
        with jax.enable_x64(double):
            move = jax.jit(table.to_jax(library="distrax").forward)
            points = jax.numpy.asarray(z, dtype=np.float64 if double else np.float32)

        def call(move: Any = move, points: Any = points, double: bool = double) -> np.ndarray:
            with jax.enable_x64(double):
                return np.asarray(move(points))

        yield f"jax, tables, {name}, compiled", call


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("flow", nargs="?", default="two_moons")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--error", type=float, default=1e-6)
    parser.add_argument("--samples", type=int, default=262144)
    options = parser.parse_args()
    flow, pairs = eulerot.zoo.load(options.flow), normal_points(4096, 2)
    exact = eulerot.fit(pairs, flow.forward(pairs), geodesics=1, modes=12, threads=options.threads).rearrangement
    table = exact.tabulated(error=options.error)
    z = np.random.default_rng(0).standard_normal((options.samples, 2))
    few, reference = z[:16384], table.forward(z)
    print(f"{options.flow}: tables of {table.cells} cells an axis, within {table.error:.0e} of the map\n")
    print("| map | samples a second | first call, s | from NumPy's tables |\n|---|---|---|---|")
    import torch

    s, points = exact.to_torch(), torch.tensor(few)
    for name, call in (("NumPy, exact", lambda: exact.forward(few)), ("torch, exact", lambda: s(points).numpy())):
        speed, first = rate(call, len(few))
        print(f"| {name} | {speed:.1e} | {first:.1f} | |", flush=True)
    calls = [("NumPy, tables", lambda: table.forward(z)), *in_torch(table, z, options.threads), *in_jax(table, z)]
    for name, call in calls:
        speed, first = rate(call, len(z))
        print(f"| {name} | {speed:.1e} | {first:.1f} | {np.abs(call() - reference).max():.0e} |", flush=True)


if __name__ == "__main__":
    main()
