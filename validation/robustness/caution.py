"""Measure where `eulerot.SampleWarning` should draw its lines: at few held-out pairs, and at heavy tails.

    python validation/robustness/caution.py [--seeds 6]

The first table says what fits to few pairs of two flows of the zoo are worth on 5000 fresh pairs. The second says which
share of the squared distance to the mean a hundredth of a sample carries, for ordinary laws and for others.
"""

from __future__ import annotations

import argparse
import math
import warnings

import numpy as np

import eulerot
from eulerot.transport.cost import transport_cost

LAWS = {
    "normal": lambda rng, n: rng.standard_normal((n, 2)),
    "normal, one dimension": lambda rng, n: rng.standard_normal((n, 1)),
    "one of five is four times as wide": lambda rng, n: (
        rng.standard_normal((n, 2)) * np.where(rng.uniform(size=(n, 1)) < 0.2, 4, 1)
    ),
    "Laplace": lambda rng, n: rng.laplace(size=(n, 2)),
    "Student, 5 degrees": lambda rng, n: rng.standard_t(5, (n, 2)),
    "Student, 3 degrees": lambda rng, n: rng.standard_t(3, (n, 2)),
    "exp of a normal": lambda rng, n: np.exp(rng.standard_normal((n, 2))),
    "Cauchy": lambda rng, n: rng.standard_cauchy((n, 2)),
}


def gains_of_few_pairs(name: str, n: int, seeds: int) -> str:
    """Return a row with what fits to `n` pairs gain on fresh pairs, and how far off their held-out pairs are."""
    flow, fresh = eulerot.zoo.load(name), np.random.default_rng(99).standard_normal((5000, 2))
    data = flow.forward(fresh)
    gains, errors = np.empty(seeds), np.empty(seeds)
    for seed in range(seeds):
        z = np.random.default_rng(seed).standard_normal((n, 2))
        fit = eulerot.fit(z, flow.forward(z), modes=4 if n < 128 else 8, seed=seed)
        gains[seed] = transport_cost(fresh, data) - transport_cost(fit.rearrangement.forward(fresh), data)
        errors[seed] = fit.cost_before - fit.cost_after - gains[seed]
    worse = np.mean(gains < 0)
    return f"| {name} | {n} | {n // 8} | {gains.mean():.3f} +- {gains.std():.3f} | {worse:.0%} | {errors.std():.3f} |"


def farthest_share(x: np.ndarray) -> float:
    """Return the share of the squared distance to the mean that the farthest hundredth of the rows has.

    >>> farthest_share(np.array([[-1.0], [0.0], [1.0]]))
    0.5
    """
    far = np.sort(np.sum((x - x.mean(axis=0)) ** 2, axis=1))
    return float(far[-math.ceil(0.01 * len(x)) :].sum() / far.sum())


def main() -> None:
    """Print two tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=6)
    seeds = parser.parse_args().seeds
    warnings.simplefilter("ignore", eulerot.SampleWarning)
    print("| flow | pairs | held out | gain on fresh pairs | worse than before | error of the held-out gain |")
    print("|---|---|---|---|---|---|")
    for name in ("two_moons", "eight_gaussians"):
        for n in (64, 128, 256, 512):
            print(gains_of_few_pairs(name, n, seeds), flush=True)
    print("\n| law | 128 rows | 1024 rows | 8192 rows |\n|---|---|---|---|")
    rng = np.random.default_rng(0)
    flows = {f"{name} (zoo)": eulerot.zoo.load(name) for name in eulerot.zoo.names()}
    laws = LAWS | {
        label: lambda rng, n, flow=flow: flow.forward(rng.standard_normal((n, flow.dim)))
        for label, flow in flows.items()
    }
    for label, law in laws.items():
        cells = []
        for n in (128, 1024, 8192):
            low, middle, high = np.quantile([farthest_share(law(rng, n)) for _ in range(50)], [0.05, 0.5, 0.95])
            cells.append(f"{middle:.2f} ({low:.2f} to {high:.2f})")
        print(f"| {label} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
