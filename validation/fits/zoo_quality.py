"""Rearrange every trained flow of the zoo, and print the share of the excess that is closed on fresh pairs.

    python validation/fits/zoo_quality.py [NAME ...] [--geodesics N] [--align] [--modes K] [--pairs 8192] [--seed 0]

The strict setting of the paper is the default: one geodesic and no alignment, or sweeps without alignment beyond three
dimensions; ``--geodesics 0 --align --pairs 0`` is the default of the package. 5000 pairs to measure on that no fit has
seen.
"""

from __future__ import annotations

import argparse
import time

import eulerot


def main() -> None:
    """Print a table in Markdown, one line for each flow."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=eulerot.zoo.names(), metavar="NAME")
    parser.add_argument("--geodesics", type=int, help="the most that are composed; 0: as many as pay")
    parser.add_argument("--align", action="store_true")
    parser.add_argument("--modes", type=int)
    parser.add_argument("--pairs", type=int, default=8192, help="to fit to; 0: as many as pay")
    parser.add_argument("--seed", type=int, default=0, help="of the pairs; the next one is that of the measurement")
    arguments = parser.parse_args()
    print("| flow | cost before | after | exact after | excess before | after | closed | density error | fit |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in arguments.names:
        begun, flow = time.perf_counter(), eulerot.zoo.load(name)
        geodesics = (1 if flow.dim <= 3 else 0) if arguments.geodesics is None else arguments.geodesics
        twin = eulerot.rearrange(
            flow, n_pairs=arguments.pairs or None, geodesics=geodesics or None, align=arguments.align,
            modes=arguments.modes, seed=arguments.seed,
        )  # fmt: skip
        seconds = time.perf_counter() - begun
        report = twin.report(5000, seed=arguments.seed + 1)
        before, after = report.before, report.after
        print(
            f"| {name} | {before.cost:.4f} | {after.cost:.4f} | {after.exact:.4f} | {before.excess:.4f} | "
            f"{after.excess:.4f} | {report.closed:.2%} | {report.density_error:.0e} | {seconds:.1f} s |",
            flush=True,
        )


if __name__ == "__main__":
    main()
