"""Time whole solves, all that is measured at each step included, against the transforms of their tendencies alone.

    python validation/bench/solves.py [--domain cube] [--rounds 9] [--dim 2] [--casimirs-every 1]

Goal: a ratio of at most 1.3 on one core at 256^2, 1024^2, 64^3 and 128^3. A step of RK4 has four tendencies, so its
floor is four times the transforms of one (`transforms_floor.py`). The first ratios are those of a whole call of
`solve_euler`, which sets itself up: arrays, plans, the checks of the initial field, its coefficients and the field at
the end. The last is that of a step, from two calls of different lengths, in which all this cancels. Seconds are those
of the processor, so that others on the machine count for less. They still take part of its caches: the ratio of the
least times of all rounds says what a quiet machine would give.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence

import numpy as np
from timing import alternate, median, ratio
from transforms_floor import Floor

from eulerot.euler.grid import Grid
from eulerot.euler.solver import solve_euler

# Steps of the two calls: in the longer one setting up takes a few hundredths of the time
SIZES = {(256, 256): (20, 220), (1024, 1024): (5, 45), (64, 64, 64): (5, 65), (128, 128, 128): (2, 22)}
_STAGES = 4


def solve(points: Sequence[int], steps: int, **options: object) -> Callable[[], object]:
    """Return a call that solves from a smooth field in so many steps, short enough for all of them to be alike."""
    grid = Grid(tuple(points), str(options.pop("domain", "torus")))
    angles = [scale * each for scale, each in zip(grid.scales, grid.mesh(), strict=True)]
    if grid.dim == 2:
        field = np.sin(angles[0]) * np.sin(angles[1]) + np.sin(2 * angles[0]) * np.sin(3 * angles[1])
    else:  # Taylor and Green, in the box tangent to the walls
        (x, y, z) = angles
        field = np.stack([np.sin(x) * np.cos(y) * np.cos(z), -np.cos(x) * np.sin(y) * np.cos(z), 0 * z])
    return lambda: solve_euler(field, grid, time=1e-4 * steps, steps=steps, **options)  # type: ignore[arg-type]


def row(times: dict[str, np.ndarray]) -> list[str]:
    """Return the times of a step of a solve, of its transforms and of the step alone, with their ratios, in words."""
    whole, floor, step = (f"{median(times, name):.2f}" for name in ("whole", "floor", "step"))
    ratios = [f"{ratio(times, name, 'floor'):.2f}" for name in ("whole", "step")]
    least = f"{np.min(times['whole']) / np.min(times['floor']):.2f}"
    return [whole, floor, ratios[0], least, step, ratios[1]]


def main() -> None:
    """Print the time of a step, of its transforms, and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--domain", choices=("torus", "cube"), default="torus")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--dim", type=int, choices=(2, 3), help="only two or three dimensions")
    parser.add_argument("--casimirs-every", type=int, help="as in solve_euler, in two dimensions")
    arguments = parser.parse_args()
    print(f"{arguments.domain}, one thread\n")
    print("| points | steps | a solve, ms a step | transforms, ms | ratio | least | a step alone, ms | ratio |")
    print("|---|---|---|---|---|---|---|---|")
    for points, (few, many) in SIZES.items():
        if arguments.dim not in (None, len(points)):
            continue
        options: dict[str, object] = {"domain": arguments.domain}
        if len(points) == 2:
            options["casimirs_every"] = arguments.casimirs_every
        floor = Floor(points, domain=arguments.domain)
        calls = {"few": solve(points, few, **options), "many": solve(points, many, **options), "floor": floor}
        times = alternate(calls, rounds=arguments.rounds, seconds=0.2, clock=time.process_time)
        times["floor"] *= _STAGES
        times["whole"] = times["many"] / many
        times["step"] = (times["many"] - times["few"]) / (many - few)
        print(f"| {'x'.join(map(str, points))} | {many} | {' | '.join(row(times))} |", flush=True)


if __name__ == "__main__":
    main()
