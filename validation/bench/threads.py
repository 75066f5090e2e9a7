"""Time a tendency, and its transforms alone, on one and on two threads.

    python validation/bench/threads.py [--domain cube] [--dim 2]

Goal: at least 1.6 times faster on two threads at 1024^2 and 128^3.
"""

from __future__ import annotations

import argparse

import eulerot_side
from timing import alternate, median, ratio
from transforms_floor import Floor

SIZES = ((1024, 1024), (128, 128, 128))


def main() -> None:
    """Print times and speed-ups."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--domain", choices=("torus", "cube"), default="torus")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--dim", type=int, choices=(2, 3), help="only two or three dimensions")
    arguments = parser.parse_args()
    print("| | 1 thread, ms | 2 threads, ms | faster by |\n|---|---|---|---|")
    for points in SIZES:
        if arguments.dim not in (None, len(points)):
            continue
        for name, make in (("tendency", eulerot_side.tendency), ("transforms", Floor)):
            calls = {str(n): make(points, domain=arguments.domain, threads=n) for n in (1, 2)}
            times = alternate(calls, rounds=arguments.rounds, seconds=0.6)
            print(
                f"| {name} {'x'.join(map(str, points))} | {median(times, '1'):.3f} | {median(times, '2'):.3f} "
                f"| {ratio(times, '1', '2'):.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
