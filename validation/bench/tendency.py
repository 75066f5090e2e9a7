"""Time a tendency against its transforms alone, in turns in one process.

    python validation/bench/tendency.py [--domain cube] [--threads 1] [--dim 2]

Goal: a ratio of at most 1.3 on one core at 256^2, 1024^2, 64^3 and 128^3, and never above 1.6.
"""

from __future__ import annotations

import argparse

import eulerot_side
from timing import alternate, median, ratio
from transforms_floor import SIZES, Floor


def main() -> None:
    """Print the time of a tendency, of its transforms, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--domain", choices=("torus", "cube"), default="torus")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--dim", type=int, choices=(2, 3), help="only two or three dimensions")
    arguments = parser.parse_args()
    options = {"domain": arguments.domain, "threads": arguments.threads}
    print(f"{arguments.domain}, {arguments.threads} thread(s)\n")
    print("| points | tendency, ms | transforms, ms | ratio |\n|---|---|---|---|")
    for points in SIZES:
        if arguments.dim not in (None, len(points)):
            continue
        calls = {"tendency": eulerot_side.tendency(points, **options), "floor": Floor(points, **options)}
        times = alternate(calls, rounds=arguments.rounds, seconds=0.15)
        print(
            f"| {'x'.join(map(str, points))} | {median(times, 'tendency'):.3f} | {median(times, 'floor'):.3f} "
            f"| {ratio(times, 'tendency', 'floor'):.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
