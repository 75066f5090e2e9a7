"""Count the steps that a velocity needs to sample, trained on five couplings of the same two laws.

    python docs/examples/reflow.py --picture docs/images/reflow.png

Needs torch. One small network a coupling and seed; one thread, so that the same machine prints the same figures.
"""

from __future__ import annotations

import argparse
import sys
import time
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import ot
import torch
from scipy.spatial.distance import cdist

import eulerot
from eulerot import plotting

STEPS = (1, 2, 4, 8, 16, 32, 64)
COUPLINGS = ("independent", "mini-batch OT", "reflow", "flow", "twin")
FLOWS = ("two_moons", "pinwheel", "pinwheel, exchanged")
ENOUGH = 1.5  # times the sampling noise


class Settings(NamedTuple):
    """How much is trained and measured; a test takes less."""

    iterations: int = 1500
    batch: int = 256
    pool: int = 32_768
    fresh: int = 10_000
    n_pairs: int = 4096
    modes: int = 8


def load(name: str) -> Any:
    """Return a flow of the zoo; of ``"..., exchanged"`` the two latents change places before it, as in many a MAF."""
    flow = eulerot.zoo.load(name.split(",")[0])
    if "," not in name:
        return flow
    return eulerot.flow(
        forward=lambda z: flow.forward(z[:, ::-1]),
        inverse=lambda x: flow.inverse(x)[:, ::-1],
        log_prob=flow.log_prob,
        dim=2,
    )


def optimal(z: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the order of `x` that makes pairs of least cost with `z`: the exact plan of a mini-batch."""
    return np.argmax(ot.emd([], [], cdist(z, x, "sqeuclidean")), axis=1)


class Pairs:
    """Latents, their data by the flow, and the latents of the twin, from which each coupling draws batches."""

    def __init__(self, flow: Any, twin: eulerot.RearrangedFlow, settings: Settings, seed: int) -> None:
        self.z = np.random.default_rng([seed, 0]).standard_normal((settings.pool, 2))
        self.x = np.asarray(flow.forward(self.z))
        self.y = twin.rearrangement.forward(self.z)
        self.reflowed = self.x  # of `z` by a first network, once there is one

    def batch(self, coupling: str, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return `n` pairs of latents and data."""
        rows = rng.integers(len(self.x), size=n)
        if coupling == "reflow":
            return self.z[rows], self.reflowed[rows]
        if coupling in ("flow", "twin"):
            return (self.z if coupling == "flow" else self.y)[rows], self.x[rows]
        z, x = rng.standard_normal((n, 2)), self.x[rows]
        return z, x if coupling == "independent" else x[optimal(z, x)]


def network(seed: int, width: int = 64) -> torch.nn.Sequential:
    """Return a velocity ``v(x, t)`` before training."""
    torch.manual_seed(seed)
    sizes = (3, width, width, width, 2)
    layers = [part for a, b in pairwise(sizes) for part in (torch.nn.Linear(a, b), torch.nn.SiLU())]
    return torch.nn.Sequential(*layers[:-1])


def trained(pairs: Pairs, coupling: str, settings: Settings, seed: int) -> torch.nn.Sequential:
    """Return a velocity fitted to the straight paths of a coupling, the loss of rectified flow."""
    velocity, rng = network(seed), np.random.default_rng([seed, 1])
    optimiser = torch.optim.Adam(velocity.parameters(), lr=5e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.iterations)
    for _ in range(settings.iterations):
        z, x = (torch.from_numpy(rows).float() for rows in pairs.batch(coupling, settings.batch, rng))
        t = torch.from_numpy(rng.random((settings.batch, 1))).float()
        loss = ((velocity(torch.cat([(1 - t) * z + t * x, t], dim=1)) - (x - z)) ** 2).sum(dim=1).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return velocity


def integrated(velocity: torch.nn.Module, z: np.ndarray, steps: int) -> np.ndarray:
    """Return where Euler's method takes latents."""
    x = torch.from_numpy(z).float()
    with torch.no_grad():
        for step in range(steps):
            x = x + velocity(torch.cat([x, torch.full((len(x), 1), step / steps)], dim=1)) / steps
    return x.double().numpy()


def slices(x: np.ndarray, directions: int = 32) -> np.ndarray:
    """Return the quantiles of a sample in evenly spread directions.

    The root mean square of the difference of two is the sliced Wasserstein distance of samples of one size.
    """
    angle = np.pi * np.arange(directions) / directions
    return np.sort(np.stack([np.cos(angle), np.sin(angle)], axis=1) @ x.T, axis=1)


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Return the sliced Wasserstein distance of two samples by their slices."""
    return float(np.sqrt(np.mean((a - b) ** 2)))


def distances(flow: Any, twin: eulerot.RearrangedFlow, settings: Settings, seed: int) -> dict[str, list[float]]:
    """Return the distance of samples to fresh data for each number of steps, by coupling; and that of fresh data."""
    pairs, rng = Pairs(flow, twin, settings, seed), np.random.default_rng([seed, 2])
    start, *fresh = (rng.standard_normal((settings.fresh, 2)) for _ in range(8))
    fresh = [slices(np.asarray(flow.forward(z))) for z in fresh]
    found = {"noise": [distance(a, b) for i, a in enumerate(fresh) for b in fresh[:i]]}
    for coupling in COUPLINGS:
        begun = time.perf_counter()
        velocity = trained(pairs, coupling, settings, seed)
        print(f"{coupling}: {time.perf_counter() - begun:.1f} s", file=sys.stderr)
        if coupling == "independent":
            pairs.reflowed = integrated(velocity, pairs.z, STEPS[-1])
        # against several samples of fresh data, so that the chance of one of them does not enter
        found[coupling] = [
            float(np.mean([distance(moved, x) for x in fresh]))
            for moved in (slices(integrated(velocity, start, steps)) for steps in STEPS)
        ]
    return found


def enough(curve: np.ndarray, noise: float) -> str:
    """Return the least number of steps from which on samples are good enough."""
    good = curve <= ENOUGH * noise
    first = len(good) - int(np.argmin(good[::-1])) if not good.all() else 0
    return str(STEPS[first]) if first < len(STEPS) else f"more than {STEPS[-1]}"


def rows(name: str, found: list[dict[str, list[float]]]) -> list[str]:
    """Return the lines of the table of one flow, mean over the seeds."""
    noise = float(np.mean([each["noise"] for each in found]))
    lines = []
    for coupling in COUPLINGS:
        curve = np.mean([each[coupling] for each in found], axis=0)
        cells = [name, coupling, *(f"{value / noise:.2f}" for value in curve), enough(curve, noise)]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def draw(results: dict[str, list[dict[str, list[float]]]], picture: str) -> None:
    """Draw the distances against the steps, one panel a flow."""
    with plotting.figure(picture, columns=len(results), shared=True) as axes:
        for ax, (name, found) in zip(axes, results.items(), strict=True):
            noise = float(np.mean([each["noise"] for each in found]))
            for coupling in COUPLINGS:
                curve = np.mean([each[coupling] for each in found], axis=0) / noise
                ax.loglog(STEPS, curve, "o-", markersize=4, label=coupling)
            ax.axhline(ENOUGH, color="grey", linestyle="--", linewidth=1)
            ax.set_xticks(STEPS, [str(steps) for steps in STEPS])
            ax.set_yticks([1, 2, 5, 10, 20, 50], ["1", "2", "5", "10", "20", "50"])
            ax.minorticks_off()
            ax.set(title=name.replace("_", " "), xlabel="steps of Euler's method")
        axes[0].set_ylabel("sliced distance to fresh data / sampling noise")
        axes[0].legend(frameon=False)


def main(settings: Settings = Settings(), arguments: list[str] | None = None) -> None:  # noqa: B008
    """Print the table and draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flows", nargs="+", default=FLOWS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--picture")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    print(f"| flow | pairs | {' | '.join(map(str, STEPS))} | steps |\n|{'---|' * (len(STEPS) + 3)}")
    results = {}
    for name in options.flows:
        flow = load(name)
        twin = eulerot.rearrange(flow, n_pairs=settings.n_pairs, modes=settings.modes)
        results[name] = [distances(flow, twin, settings, seed) for seed in options.seeds]
        print("\n".join(rows(name, results[name])), flush=True)
    if options.picture:
        draw(results, options.picture)


if __name__ == "__main__":
    main()
