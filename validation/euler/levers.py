"""Show what a certificate costs: the pressure (21) and the share closed on fresh pairs, by the settings of a fit.

    python validation/euler/levers.py {weights,axes} [NAME ...]

One geodesic, no alignment, 8192 pairs; 5000 fresh pairs. By the weight of the regularisation, or with the weight 1e-4
by the angle of the box. A path is certified as a shortest one below pi^2 = 9.87.
"""

from __future__ import annotations

import argparse
import math

import eulerot

LEVERS = {
    "weights": [{"regularisation": weight} for weight in (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3)],
    "axes": [{"regularisation": 1e-4, "axes": math.radians(15 * i)} for i in range(6)],
}


def main() -> None:
    """Print a table in Markdown, a line for each flow and setting."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = ["two_moons", "eight_gaussians", "checkerboard", "pinwheel"]
    parser.add_argument("lever", choices=list(LEVERS))
    parser.add_argument("names", nargs="*", default=names, metavar="NAME")
    arguments = parser.parse_args()
    print("| flow | setting | pressure | shortest | closed |\n|---|---|---|---|---|")
    for name in arguments.names:
        for options in LEVERS[arguments.lever]:
            twin = eulerot.rearrange(eulerot.zoo.load(name), geodesics=1, align=False, **options)
            certificate, report = twin.rearrangement.certificate(), twin.report(5000, seed=1)
            setting = ", ".join(f"{key} {value:.3g}" for key, value in options.items())
            known = f"{certificate.pressure:.2f} | {certificate.shortest}"
            print(f"| {name} | {setting} | {known} | {report.closed:.2%} |", flush=True)


if __name__ == "__main__":
    main()
