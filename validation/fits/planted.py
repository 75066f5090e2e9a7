"""Fit planted problems, whose least cost is known, and print the share of the true gap that one geodesic closes.

    python validation/fits/planted.py

Strict setting: one geodesic, no alignment, 8192 Sobol pairs; 20,000 fresh pairs against the cost of the planted
rearrangement on the same pairs, so that no sampling noise enters the gap.
"""

from __future__ import annotations

import time

import numpy as np
from problems import PLANTED

import eulerot


def main() -> None:
    """Print one line a problem."""
    print("problem    gap closed   mean |s - rho|   density error   round trip   fit")
    for name, flow in PLANTED.items():
        begun = time.perf_counter()
        twin = eulerot.rearrange(flow, align=False, segments=1)
        seconds = time.perf_counter() - begun
        z = flow.latents(20_000, seed=1)
        x, truth, y = flow.forward(z), flow.rho.forward(z), twin.rearrangement.forward(z)
        least, before, after = (np.mean(np.sum((x - latents) ** 2, axis=1)) for latents in (truth, z, y))
        closed = 1 - (after - least) / (before - least)
        error = np.mean(np.linalg.norm(y - truth, axis=1))
        density = np.abs(twin.rearrangement.log_abs_det(z)).max()
        trip = np.abs(twin.rearrangement.inverse(y) - z).max()
        print(f"{name:10} {closed:10.2%} {error:16.4f} {density:15.1e} {trip:12.1e} {seconds:6.1f} s", flush=True)


if __name__ == "__main__":
    main()
