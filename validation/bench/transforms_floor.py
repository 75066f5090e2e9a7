"""Time the floor of a tendency: its real transforms alone, planned by measurement, on arrays allocated once.

    python validation/bench/transforms_floor.py [--threads 1]

Two dimensions take 2 inverse and 2 forward transforms, three take 3 and 5 (equation (6)). Nothing is pruned: every
transform runs over the whole grid, so a solver that skips the columns which truncation empties may come below 1.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence

import numpy as np
import pyfftw
from timing import alternate, median

__all__ = ["SIZES", "Floor"]

SIZES = ((256, 256), (512, 512), (1024, 1024), (64, 64, 64), (128, 128, 128))

# (u, v) and (uv, u^2 - v^2); (u, v, w) and (u^2 - w^2, v^2 - w^2, uv, uw, vw): s is a sine along the axis, c a cosine
_BACKWARD = {2: ("sc", "cs"), 3: ("scc", "csc", "ccs")}
_FORWARD = {2: ("ss", "cc"), 3: ("ccc", "ccc", "ssc", "scs", "css")}
_SYNTHESIS = {"s": "FFTW_RODFT01", "c": "FFTW_REDFT01"}
_ANALYSIS = {"s": "FFTW_RODFT10", "c": "FFTW_REDFT10"}


class Floor:
    """Runs the transforms of one tendency when it is called, without arguments.

    Parameters
    ----------
    points : sequence of int
        Points an axis.
    domain : {"torus", "cube"}
        Half-complex transforms on the torus, sines and cosines in the box.
    threads : int
        Threads of one transform.

    Notes
    -----
    There are as few arrays as a tendency can do with, because few of them stay in the cache: one spectrum and
    ``2 (dim - 1)`` arrays of values. Every inverse transform follows a forward one: FFTW's inverse destroys its input,
    and numbers would grow from call to call if it read its own leavings.

    Examples
    --------
    >>> floor = Floor((16, 16))
    >>> floor()
    >>> len(floor.plans)
    4
    """

    def __init__(self, points: Sequence[int], *, domain: str = "torus", threads: int = 1) -> None:
        dim, walls = len(points), domain == "cube"
        spectrum, dtype = (points, "float64") if walls else ((*points[:-1], points[-1] // 2 + 1), "complex128")
        options = {"axes": tuple(range(dim)), "flags": ("FFTW_MEASURE",), "threads": threads}
        field_hat = pyfftw.empty_aligned(spectrum, dtype)
        sources, results = ([pyfftw.empty_aligned(points, "float64") for _ in range(dim - 1)] for _ in range(2))
        forward, backward = [], []
        for i, parity in enumerate(_FORWARD[dim]):
            direction: object = tuple(_ANALYSIS[p] for p in parity) if walls else "FFTW_FORWARD"
            forward.append(pyfftw.FFTW(sources[i % (dim - 1)], field_hat, direction=direction, **options))
        for i, parity in enumerate(_BACKWARD[dim]):
            direction = tuple(_SYNTHESIS[p] for p in parity) if walls else "FFTW_BACKWARD"
            backward.append(pyfftw.FFTW(field_hat, results[i % (dim - 1)], direction=direction, **options))
        for values in sources:  # after planning, which overwrites
            values[:] = np.random.default_rng(0).standard_normal(points)
        pairs = itertools.zip_longest(forward, backward)
        self.plans = [plan for pair in pairs for plan in pair if plan is not None]

    def __call__(self) -> None:
        """Run all transforms once."""
        for plan in self.plans:
            plan.execute()


def main() -> None:
    """Print the floor of every size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    print("| points | torus, ms | cube, ms |\n|---|---|---|")
    for points in SIZES:
        floors = {name: Floor(points, domain=name, threads=arguments.threads) for name in ("torus", "cube")}
        times = alternate(floors, rounds=9)
        print(f"| {'x'.join(map(str, points))} | {median(times, 'torus'):.3f} | {median(times, 'cube'):.3f} |")


if __name__ == "__main__":
    main()
