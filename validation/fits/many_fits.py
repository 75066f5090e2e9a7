"""Twenty fits in one process, by joblib and by Dask: the same bits, and how long each takes; see docs/many_fits.md.

    OMP_NUM_THREADS=1 python validation/fits/many_fits.py [fits] [processes]

Dask is left out where it is not installed.
"""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable

import eulerot


def fitted(seed: int) -> bytes:
    """Return the map of one seed as a file."""
    flow = eulerot.zoo.load(("two_moons", "eight_gaussians")[seed % 2])
    options = {"n_pairs": 256, "modes": 2, "geodesics": 1, "max_iterations": 20}
    return eulerot.rearrange(flow, seed=seed, threads=1, **options).rearrangement.to_bytes()


def by_joblib(count: int, processes: int) -> list[bytes]:
    """Return the maps of so many seeds, fitted in processes of joblib."""
    from joblib import Parallel, delayed

    return Parallel(n_jobs=processes)(delayed(fitted)(seed) for seed in range(count))


def by_dask(count: int, processes: int) -> list[bytes]:
    """Return the same, fitted in processes of Dask."""
    import dask

    tasks = [dask.delayed(fitted)(seed) for seed in range(count)]
    return list(dask.compute(*tasks, scheduler="processes", num_workers=processes))


def main() -> None:
    """Print a line for each way."""
    given = [int(each) for each in sys.argv[1:]]
    count, processes = [*given, *(20, 2)[len(given) :]]
    ways: dict[str, Callable[[], list[bytes]]] = {
        "one process": lambda: [fitted(seed) for seed in range(count)],
        "joblib": lambda: by_joblib(count, processes),
        "dask": lambda: by_dask(count, processes),
    }
    fitted(0)  # machine code is compiled before the clock runs
    expected = None
    for name, way in ways.items():
        if name == "dask" and importlib.util.find_spec("dask") is None:
            print("dask: not installed")
            continue
        start = time.perf_counter()
        maps = way()
        seconds, expected = time.perf_counter() - start, maps if expected is None else expected
        same = sum(one == other for one, other in zip(maps, expected, strict=True))
        print(f"{name}: {same} of {count} maps have the bits of one process, {seconds:.1f} s", flush=True)


if __name__ == "__main__":
    main()
