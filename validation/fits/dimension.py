"""Planted flows against dimension and pairs: the share of the true gap that sweeps close, and what it takes.

    python validation/fits/dimension.py            # prints a table, draws docs/images/dimension.png

In each dimension: random swirls in the planes of random axes after a random rotation, then a monotone map of each
coordinate, whose least cost is known (`problems.planted_in`). 8192 pairs to fit to, 20,000 fresh pairs against the
cost of the planted rearrangement on the same pairs. `closed` counts from the original flow; `beyond alignment` from
what the best rotation leaves, because the planted rotation is most of the gap.
"""

from __future__ import annotations

import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from problems import planted_in

import eulerot
from eulerot.latent.source import normal_points
from eulerot.transport.cost import transport_cost

FIGURE = Path(__file__).parents[2] / "docs" / "images" / "dimension.png"
DIMENSIONS, PAIRS = (2, 4, 10, 32), (2048, 4096, 8192, 16384)


def measured(dim: int, pairs: int, sweeps: int | None = None) -> tuple[float, float, int, float, float]:
    """Return the share closed, beyond alignment, the number of sweeps, the seconds, and the density error."""
    flow = planted_in(dim)
    z = normal_points(pairs, dim)
    x, begun = flow.forward(z), time.perf_counter()
    found = eulerot.fit(z, x, sweeps=sweeps)
    seconds = time.perf_counter() - begun
    fresh = flow.latents(20_000, seed=1)
    data, s = flow.forward(fresh), found.rearrangement
    least, before, aligned, after = (
        transport_cost(y, data) for y in (flow.rho.forward(fresh), fresh, fresh @ s.rotation.T, s.forward(fresh))
    )
    shares = (1 - (after - least) / (other - least) for other in (before, aligned))
    return *shares, len(s.sweeps), seconds, float(np.abs(s.log_abs_det(fresh[:1000])).max())


def slope(sizes: tuple[int, ...], seconds: list[float]) -> float:
    """Return the exponent of a power law through the times."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def drawn(closed: list[tuple[float, float]], timings: list[tuple[str, tuple[int, ...], list[float]]]) -> None:
    """Draw the shares closed, and the seconds for two sweeps against dimension and pairs."""
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
    for label, shares in zip(("of the gap", "of what alignment leaves"), np.transpose(closed), strict=True):
        axes[0].plot(DIMENSIONS, 100 * shares, "o-", label=label)
    axes[0].set(xscale="log", xlabel="dimension", ylabel="closed, %", xticks=DIMENSIONS, xticklabels=DIMENSIONS)
    axes[0].set_ylim(0, 102)
    axes[0].minorticks_off()
    axes[0].legend()
    for ax, (what, sizes, seconds) in zip(axes[1:], timings, strict=True):
        ax.loglog(sizes, seconds, "o-", label=f"slope {slope(sizes, seconds):.2f}")
        ax.set(xlabel=what, ylabel="seconds for two sweeps", xticks=sizes, xticklabels=sizes)
        ax.set(yticks=np.round(seconds, 1), yticklabels=np.round(seconds, 1))
        ax.minorticks_off()
        ax.legend()
    FIGURE.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(FIGURE, dpi=110)


def main() -> None:
    """Print the tables and draw the figure."""
    measured(4, 512, 1)  # compile
    print("| dimension | closed | beyond alignment | sweeps | fit | density error |\n|---|---|---|---|---|---|")
    closed = []
    for dim in DIMENSIONS:
        whole, beyond, sweeps, seconds, density = measured(dim, 8192)
        closed.append((whole, beyond))
        print(f"| {dim} | {whole:.2%} | {beyond:.2%} | {sweeps} | {seconds:.1f} s | {density:.0e} |", flush=True)
    by_dim = [measured(dim, 8192, 2)[3] for dim in DIMENSIONS[1:]]
    by_pairs = [measured(10, pairs, 2)[3] for pairs in PAIRS]
    timings = [("dimension", DIMENSIONS[1:], by_dim), ("pairs, in 10 dimensions", PAIRS, by_pairs)]
    for what, sizes, seconds in timings:
        print(f"seconds for two sweeps by {what} {sizes}: {np.round(seconds, 1)}, slope {slope(sizes, seconds):.2f}")
    drawn(closed, timings)


if __name__ == "__main__":
    main()
