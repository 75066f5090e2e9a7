"""Geodesic errors and certificates of the geodesics of the zoo; equations (20) and (21).

    python validation/euler/certificates.py [--default] [--seeds 0 1] [--picture docs/images/certificate.png]

Claims. Delivered geodesics of the plane are those of the Euler equations to 1e-3 of their displacement, measured here
against fields of twice the modes. Some of them are certified to be shortest paths between their ends. The picture shows
``T^2 lambda_max(D^2 p)`` over the box at three times, and its largest value over time.
"""

from __future__ import annotations

import argparse

import numpy as np

import eulerot
from eulerot import plotting
from eulerot.euler.certificate import BOUND
from eulerot.euler.equations import equation_of
from eulerot.euler.pressure import Pressure
from eulerot.euler.resolution import in_modes

FLOWS = ("two_moons", "eight_gaussians", "checkerboard", "pinwheel")


def fitted(name: str, seed: int, **options: object) -> tuple[eulerot.Geodesic, eulerot.Rearrangement]:
    """Return the first geodesic of a fit to 8192 pairs, the only one unless options say otherwise, and the map."""
    s = eulerot.rearrange(eulerot.zoo.load(name), seed=seed, **{"geodesics": 1} | options).rearrangement
    return s.geodesics[0], s


def error_by_twice_the_modes(geodesic: eulerot.Geodesic) -> float:
    """Return the error (20) at particles of a finer grid than the package's, against twice the modes."""
    middles = np.pi * (np.arange(40) + 0.5) / 40
    points = np.stack(np.meshgrid(middles, middles), axis=-1).reshape(-1, 2)
    finer = in_modes(geodesic, 2 * geodesic.grid.modes[0]).in_steps(24, 160)
    ends, reference = geodesic.forward(points), finer.forward(points)
    return float(np.sqrt(np.sum((ends - reference) ** 2) / np.sum((reference - points) ** 2)))


def draw(geodesic: eulerot.Geodesic, path: str) -> None:
    """Draw the eigenvalue over the box at the start, in the middle and at the end, and its largest value over time."""
    equation, certificate = equation_of(geodesic.grid), geodesic.certificate()
    with plotting.figure(path, columns=4) as axes:
        for ax, share in zip(axes, (0.0, 0.5, 1.0), strict=False):
            field = geodesic.field0_hat if share == 0 else next(geodesic.parts([share])).field1_hat
            (x, y), values = Pressure(equation, field).curvature()
            values = geodesic.time**2 * values.T
            ax.pcolormesh(x, y, values, cmap="RdBu_r", vmin=-2 * BOUND, vmax=2 * BOUND, shading="gouraud")
            ax.contour(x, y, values, levels=[BOUND], colors="k", linewidths=1.0)
            ax.set(title=f"time {share:g}", xticks=[], yticks=[], aspect="equal")
        certificate.plot(ax=axes[3])


def print_pieces(seeds: list[int]) -> None:
    """Print a table of the pressures of all pieces of default fits, which are aligned and of several geodesics."""
    print("| flow | seed | geodesic error | pressures | certified |")
    print("|---|---|---|---|---|")
    for name in FLOWS:
        for seed in seeds:
            _, s = fitted(name, seed, geodesics=None)
            pieces = s.certificate().pieces
            pressures, count = ", ".join(f"{p.pressure:.1f}" for p in pieces), sum(p.shortest for p in pieces)
            print(f"| {name} | {seed} | {s.geodesic_error:.1e} | {pressures} | {count} of {len(pieces)} |", flush=True)


def main() -> None:
    """Print the table, and draw the picture if asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--default", action="store_true", help="each piece of the package's default fit")
    parser.add_argument("--picture")
    arguments = parser.parse_args()
    if arguments.default:
        print_pieces(arguments.seeds)
        return
    print("| flow | alignment | seed | modes | geodesic error | by twice the modes | pressure | shortest | until |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in FLOWS:
        for align in (False, True):
            for seed in arguments.seeds:
                geodesic, s = fitted(name, seed, align=align)
                found, error = geodesic.certificate(), error_by_twice_the_modes(geodesic)
                print(
                    f"| {name} | {'yes' if align else 'no'} | {seed} | {geodesic.grid.modes[0]} | "
                    f"{s.geodesic_error:.1e} | {error:.1e} | {found.pressure:.2f} | "
                    f"{'yes' if found.shortest else 'no'} | {found.until:.0%} |",
                    flush=True,
                )
    if arguments.picture:
        draw(fitted("two_moons", 0, align=False)[0], arguments.picture)


if __name__ == "__main__":
    main()
