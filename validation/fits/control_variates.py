"""Compare potentials as the control variate of equation (12'): how much noise each leaves on pairs it has not seen.

    python validation/fits/control_variates.py

The less noise is left in the terms of (12') and in ``x - grad phi(y)``, half their slope by the latents, the less an
optimiser can gain from the gaps between pairs. Potentials: ``|y|^2 / 2`` (the cost as it is), the regressed one that
fits use (in the plane and in space a quadratic and products of cosines, beyond them a quadratic), and the convex one of
the dual bound (24). All are made from 4096 pairs and measured on 4096 others, for the flow's own coupling and for that
of its twin.
"""

from __future__ import annotations

import time

import numpy as np
from measures import costs_by_pair

import eulerot
from eulerot._types import FloatArray
from eulerot.shooting.potential import Potential, half_square, quadratic_potential, regressed_potential
from eulerot.transport.potential_training import trained_potential

PAIRS = 4096


def left(y: FloatArray, x: FloatArray) -> list[str]:
    """Return, for each potential, the deviation of the terms of (12'), that of the slopes, and seconds to make it."""
    made = slice(PAIRS), slice(PAIRS, None)
    (y0, x0), (y1, x1) = ((y[rows], x[rows] - x[made[0]].mean(axis=0)) for rows in made)
    regressed = regressed_potential if y.shape[1] < 4 else quadratic_potential
    entries = []
    for make in (lambda: half_square(y.shape[1]), lambda: regressed(y0, x0), lambda: _convex(y0, x0)):
        begun = time.perf_counter()
        phi = make()
        seconds = time.perf_counter() - begun
        if isinstance(phi, Potential):
            terms, slopes = costs_by_pair(y1, x1, phi), phi(y1)[1]
        else:
            values, slopes = phi(y1)
            terms = np.sum(x1**2 - 2 * x1 * y1, axis=1) + 2 * values
        rest = float(np.sqrt(np.mean(np.sum((x1 - slopes) ** 2, axis=1))))
        entries.append(f"{np.std(terms):.3f}, {rest:.3f} ({seconds:.1f} s)")
    return entries


def _convex(y: FloatArray, x: FloatArray) -> eulerot.transport.convex_potential.ConvexPotential:
    return trained_potential(y, x, np.random.default_rng(0))


def main() -> None:
    """Print the table."""
    print("| flow | coupling | none | regressed | convex |\n|---|---|---|---|---|")
    for name in ("two_moons", "checkerboard", "trefoil", "digits"):
        flow = eulerot.zoo.load(name)
        twin = eulerot.rearrange(flow, geodesics=4)
        still = eulerot.RearrangedFlow(flow, eulerot.Rearrangement.identity(twin.dim))
        for words, each in {"the flow": still, "rearranged": twin}.items():
            print(f"| {name} | {words} | {' | '.join(left(*each.pairs(2 * PAIRS, 1)))} |", flush=True)


if __name__ == "__main__":
    main()
