"""Fit planted flows in several dimensions, and print the share of the true gap that is closed, and what it takes.

    python validation/fits/dimension.py            # prints the tables, draws docs/images/dimension.png

In each dimension: random swirls in the planes of random axes after a random rotation, then a monotone map of each
coordinate, whose least cost is known (`problems.planted_in`). 8192 pairs to fit to, 20,000 fresh pairs against the
cost of the planted rearrangement on the same pairs. `closed` counts from the original flow; `beyond alignment` from
what the best rotation leaves, because the planted rotation is most of the gap. Two dimensions have one geodesic; sweeps
begin with four.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from measures import PlantedGap, planted_gap
from problems import planted_in

import eulerot
from eulerot.latent.source import normal_points

FIGURE = Path(__file__).parents[2] / "docs" / "images" / "dimension.png"
DIMENSIONS, PAIRS = (2, 4, 10, 32), (2048, 4096, 8192, 16384)


def measured(dim: int, pairs: int, **options: int) -> tuple[PlantedGap, int, float, float]:
    """Return the gap closed, the number of sweeps, the seconds that the fit took, and the density error."""
    flow = planted_in(dim)
    z = normal_points(pairs, dim)
    x, begun = flow.forward(z), time.perf_counter()
    s = eulerot.fit(z, x, **options).rearrangement
    seconds = time.perf_counter() - begun
    density = float(np.abs(s.log_abs_det(flow.latents(20_000, seed=1)[:1000])).max())
    return planted_gap(flow, s), len(s.sweeps), seconds, density


def slope(sizes: tuple[int, ...], seconds: list[float]) -> float:
    """Return the exponent of a power law through the times.

    >>> round(slope((1, 10, 100), [2.0, 20.0, 200.0]), 12)
    1.0
    """
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def draw(closed: list[PlantedGap], timings: list[tuple[str, tuple[int, ...], list[float]]]) -> None:
    """Draw the shares closed, and the seconds for two sweeps against dimension and pairs."""
    from matplotlib import pyplot as plt

    figure, panels = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
    for label, name in (("of the gap", "closed"), ("of what alignment leaves", "beyond_alignment")):
        panels[0].plot(DIMENSIONS, [100 * getattr(gap, name) for gap in closed], "o-", label=label)
    panels[0].set(xscale="log", xlabel="dimension", ylabel="closed, %", xticks=DIMENSIONS, xticklabels=DIMENSIONS)
    panels[0].set_ylim(0, 102)
    panels[0].minorticks_off()
    panels[0].legend()
    for ax, (what, sizes, seconds) in zip(panels[1:], timings, strict=True):
        ax.loglog(sizes, seconds, "o-", label=f"slope {slope(sizes, seconds):.2f}")
        ax.set(xlabel=what, ylabel="seconds for two sweeps", xticks=sizes, xticklabels=sizes)
        ax.set(yticks=np.round(seconds, 1), yticklabels=np.round(seconds, 1))
        ax.minorticks_off()
        ax.legend()
    FIGURE.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(FIGURE, dpi=110)


def main() -> None:
    """Print the tables and draw the figure."""
    measured(4, 512, geodesics=1)  # compile
    print("| dimension | closed | beyond alignment | sweeps | fit | density error |\n|---|---|---|---|---|---|")
    closed = []
    for dim in DIMENSIONS:
        gap, sweeps, seconds, density = measured(dim, 8192)
        closed.append(gap)
        shares = f"{gap.closed:.2%} | {gap.beyond_alignment:.2%}"
        print(f"| {dim} | {shares} | {sweeps} | {seconds:.1f} s | {density:.0e} |", flush=True)
    by_dim = [measured(dim, 8192, geodesics=2)[2] for dim in DIMENSIONS[1:]]
    by_pairs = [measured(10, pairs, geodesics=2)[2] for pairs in PAIRS]
    timings = [("dimension", DIMENSIONS[1:], by_dim), ("pairs, in 10 dimensions", PAIRS, by_pairs)]
    for what, sizes, seconds in timings:
        print(f"seconds for two sweeps by {what} {sizes}: {np.round(seconds, 1)}, slope {slope(sizes, seconds):.2f}")
    draw(closed, timings)


if __name__ == "__main__":
    main()
