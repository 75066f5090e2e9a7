"""Rearrange every trained flow of the zoo and print how much of the excess is closed on pairs that no fit has seen.

    python validation/fits/zoo_quality.py

Strict setting of the paper: one geodesic, no alignment; 8192 Sobol pairs to fit to, 5000 fresh pairs to measure on.
"""

from __future__ import annotations

import argparse
import time

import eulerot


def main() -> None:
    """Print one line a flow, as a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=eulerot.zoo.names())
    parser.add_argument("--segments", type=int, default=1)
    parser.add_argument("--align", action="store_true")
    parser.add_argument("--modes", type=int)
    parser.add_argument("--pairs", type=int, default=8192)
    arguments = parser.parse_args()
    print("| flow | cost before | after | exact after | excess before | after | closed | density error | fit |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in arguments.names:
        begun = time.perf_counter()
        twin = eulerot.rearrange(
            eulerot.zoo.load(name), n_pairs=arguments.pairs, segments=arguments.segments, align=arguments.align,
            modes=arguments.modes,
        )  # fmt: skip
        seconds = time.perf_counter() - begun
        report = twin.report(5000, seed=1)
        before, after = report.before, report.after
        print(
            f"| {name} | {before.cost:.4f} | {after.cost:.4f} | {after.exact:.4f} | {before.excess:.4f} | "
            f"{after.excess:.4f} | {report.closed:.2%} | {report.density_error:.0e} | {seconds:.1f} s |",
            flush=True,
        )


if __name__ == "__main__":
    main()
