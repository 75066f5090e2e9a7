"""Show what a certificate costs: the pressure (21) and the share closed on fresh pairs, by the weight of a fit.

    python validation/euler/weights.py [NAME ...]

One geodesic, no alignment, 8192 pairs; 5000 fresh pairs. A path is certified as a shortest one below pi^2 = 9.87.
"""

from __future__ import annotations

import argparse

import eulerot

WEIGHTS = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3)


def main() -> None:
    """Print a table in Markdown, a line for each flow and weight."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = ["two_moons", "eight_gaussians", "checkerboard", "pinwheel"]
    parser.add_argument("names", nargs="*", default=names, metavar="NAME")
    print("| flow | weight | pressure | shortest | closed |\n|---|---|---|---|---|")
    for name in parser.parse_args().names:
        for weight in WEIGHTS:
            twin = eulerot.rearrange(eulerot.zoo.load(name), geodesics=1, align=False, regularisation=weight)
            certificate, report = twin.rearrangement.certificate(), twin.report(5000, seed=1)
            known = f"{certificate.pressure:.2f} | {certificate.shortest}"
            print(f"| {name} | {weight:.0e} | {known} | {report.closed:.2%} |", flush=True)


if __name__ == "__main__":
    main()
