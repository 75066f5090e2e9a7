"""Measure what conditional planes (28) save in ten dimensions, on the digits of the zoo and on a planted flow.

    python validation/fits/conditional.py digits
    python validation/fits/conditional.py planted --geodesics 4

Fits by `eulerot.rearrange(flow, conditional=True)`; costs of 16,384 fresh pairs, and the dual bound (24) of the same
pairs, beside those of the alignment and, with `--plain`, of a fit without conditional planes. The density error is
measured by Jacobians, `log |det Ds| + log N(s(z)) - log N(z)`, and not taken from the map.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np
from problems import planted_in

import eulerot

N, PROBES = 16_384, 512


def density_error(s: eulerot.Rearrangement, z: np.ndarray) -> float:
    """Return the largest change of Gaussian volume at latents, by all derivatives of the map."""
    rows = [s.pullback(z, np.tile(unit, (len(z), 1))) for unit in np.eye(s.dim)]
    change = 0.5 * np.sum(z**2 - s.forward(z) ** 2, axis=1)
    return float(np.abs(np.linalg.slogdet(np.stack(rows, axis=1))[1] + change).max())


def measured(name: str, s: eulerot.Rearrangement, z: np.ndarray, x: np.ndarray, aligned: float) -> None:
    """Print a line."""
    y = s.forward(z)
    bound = eulerot.dual_bound(y, x)
    back = float(np.abs(s.inverse(y[:PROBES]) - z[:PROBES]).max())
    print(
        f"| {name} | {bound.cost:.4f} | {bound.in_words} | {bound.closed(aligned):.1%} | "
        f"{density_error(s, z[:PROBES]):.0e} | {back:.0e} |",
        flush=True,
    )


def main() -> None:
    """Fit and measure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("flow", choices=("digits", "planted"))
    parser.add_argument("--geodesics", type=int, help="the most sweeps of geodesics, by default those of rearrange")
    parser.add_argument("--plain", action="store_true", help="a fit without conditional planes as well")
    arguments = parser.parse_args()
    flow = planted_in(10) if arguments.flow == "planted" else eulerot.zoo.load("digits")
    z = np.random.default_rng(77).standard_normal((N, 10))
    x = np.asarray(flow.forward(z))
    print("| map | cost | dual bound | certified of what is left after alignment | density error | inverse |")
    print("|---|---|---|---|---|---|")
    for conditional in (False, True) if arguments.plain else (True,):
        twin = eulerot.rearrange(flow, conditional=conditional, geodesics=arguments.geodesics)
        s = twin.rearrangement
        alone = replace(s, sweeps=())
        aligned = float(np.mean(np.sum((x - alone.forward(z)) ** 2, axis=1)))
        if not conditional or not arguments.plain:
            measured("aligned", alone, z, x, aligned)
        measured("conditional" if conditional else "geodesics", s, z, x, aligned)
        print(f"\n{twin.fit.seconds:.0f} s, {len(s.geodesics)} geodesics, {s.conditional_planes} conditional planes")
        print(f"{twin.fit.message}\n", flush=True)


if __name__ == "__main__":
    main()
