"""Draw the figures of the ablation: where the excess sits, what the axes are worth, and what every setting leaves."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
from ablation_settings import FLOWS, OF_ONE_FLOW, fitted
from scipy.spatial.distance import cdist

import eulerot
from eulerot.latent.chart import to_box
from eulerot.shooting.potential import regressed_potential

__all__ = ["draw_angles", "draw_settings", "draw_where"]


def slack(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the excess by pairs, ``|x_i - y_i|^2 - u_i - v_i`` with the dual potentials, which is never negative."""
    import ot

    weights, costs = np.full(len(y), 1.0 / len(y)), cdist(y, x, "sqeuclidean")
    _, log = ot.emd(weights, weights, costs, numItermax=10_000_000, log=True)
    return np.diag(costs) - log["u"] - log["v"]


def zones(y: np.ndarray, axes: np.ndarray) -> dict[str, np.ndarray]:
    """Return which rearranged latents lie in which part of the latent space, or of the box."""
    radius = np.linalg.norm(y, axis=1)
    edges = [0.0, *(math.sqrt(-2 * math.log(1 - share)) for share in (0.25, 0.5, 0.75, 0.9, 0.99)), math.inf]
    parts = {f"{a:.1f} < |y| < {b:.1f}": (radius >= a) & (radius < b) for a, b in pairwise(edges)}
    near = np.abs(to_box(y @ axes.T)) < math.pi / 8
    return parts | {"near one wall": near.sum(axis=1) == 1, "in a corner": near.all(axis=1)}


def draw_where(path: Path) -> None:
    """Draw which part of the latents holds how much of the excess, as shares, before and after."""
    from matplotlib import pyplot as plt

    figure, panels = plt.subplots(1, len(FLOWS), figsize=(12, 3.6), layout="constrained", sharey=True)
    for name, ax in zip(FLOWS, panels, strict=True):
        flow, z = eulerot.zoo.load(name), np.random.default_rng(1).standard_normal((5000, 2))
        x, rearrangement = flow.forward(z), fitted(flow)[0].rearrangement
        axes = rearrangement.sweeps[0].axes
        for y, label, marker in ((z, "excess before", "s"), (rearrangement.forward(z), "excess after", "o")):
            each, parts = slack(y, x), zones(y, axes)
            shares = [float(each[part].sum() / each.sum()) for part in parts.values()]
            print(name, label, {part: f"{share:.1%}" for part, share in zip(parts, shares, strict=True)}, flush=True)
            filled = {"s": "none", "o": None}[marker]
            ax.plot(100 * np.array(shares), range(len(parts)), marker, label=label, mfc=filled)
        ax.plot([100 * part.mean() for part in parts.values()], range(len(parts)), "k|", ms=12, label="pairs")
        ax.set(title=name.replace("_", " "), xlabel="share, %", xlim=(0, None))
        ax.set_yticks(range(len(parts)), list(parts))
        ax.grid(axis="x", alpha=0.3)
    panels[0].invert_yaxis()
    panels[-1].legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=150)


def draw_angles(path: Path) -> None:
    """Draw the cost on 20,000 fresh pairs against the angle of the axes, less the lowest, for 8 modes and for 16."""
    from matplotlib import pyplot as plt

    angles = np.linspace(0, 90, 9)
    figure, panels = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    for modes, ax in zip((8, 16), panels, strict=True):
        for name in FLOWS:
            flow, z = eulerot.zoo.load(name), np.random.default_rng(7).standard_normal((20_000, 2))
            x = flow.forward(z)
            fits = [fitted(flow, n_pairs=2048, modes=modes, axes=math.radians(angle))[0] for angle in angles[:-1]]
            moved = [fit.rearrangement.forward(z) for fit in fits]
            potential = regressed_potential(moved[0], x)
            costs = [float(np.mean(2 * potential(y)[0] - 2 * np.sum(x * y, axis=1))) for y in moved]
            ax.plot(angles, np.array([*costs, costs[0]]) - min(costs), "o-", label=name.replace("_", " "))
            print(modes, name, np.round(np.array(costs) - min(costs), 4), flush=True)
        ax.set(title=f"{modes} modes", xlabel="angle of the axes of the box, degrees", ylabel="cost above the lowest")
    panels[0].legend(frameon=False)
    figure.savefig(path, dpi=150)


def draw_settings(path: Path, closed: dict[tuple[str, str], str]) -> None:
    """Draw the share that is left on one flow, from the share closed by group and setting."""
    from matplotlib import pyplot as plt

    keys = [(group, label) for group, settings in OF_ONE_FLOW.items() for label in settings]
    places = {key: i + list(OF_ONE_FLOW).index(key[0]) for i, key in enumerate(keys)}
    figure, ax = plt.subplots(figsize=(8, 0.16 * (len(keys) + len(OF_ONE_FLOW)) + 1), layout="constrained")
    for i, group in enumerate(OF_ONE_FLOW):
        found = [(places[key], *cell.replace("%", "").split(" ± ")) for key, cell in closed.items() if key[0] == group]
        left = [100 - float(share) for _, share, *_ in found]
        errors = [float(error[0]) if error else 0.0 for _, _, *error in found]
        ax.errorbar(left, [place for place, *_ in found], xerr=errors, fmt="o", ms=5, color=f"C{i % 2}")
    default = 100 - float(closed[keys[0]].rstrip("%"))
    ax.axvline(default, color="k", lw=0.8, zorder=0)
    ax.set_xscale("log")
    ax.set_yticks(list(places.values()), [f"{group}: {label}" for group, label in keys], fontsize=7)
    ax.set(xlabel="excess that is left, % of that before (log scale)", ylim=(max(places.values()) + 1, -1))
    ax.set_title("pinwheel; the line is one geodesic as it is", fontsize=9)
    ticks = [tick for tick in (0.5, 1, 2, 3, 4, 6, 8, 12, 20, 40) if ax.get_xlim()[0] < tick < ax.get_xlim()[1]]
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.set_xticks([], minor=True)
    ax.grid(alpha=0.3)
    figure.savefig(path, dpi=120)
