"""Measure the dual bound (24) where the least cost is known: gaps at Monge maps, validity over fifty seeds, time.

    python validation/fits/dual_bounds.py gaps        # 8192 pairs of a Monge map
    python validation/fits/dual_bounds.py seeds       # fifty draws of 1024 or 512 pairs: how far above the truth
    python validation/fits/dual_bounds.py couplings   # other couplings of the same laws, and those of flows of the zoo
    python validation/fits/dual_bounds.py time

`planted` problems (problems.py) move each coordinate on its own, which sums of ridges can express exactly. `mixed` ones
do not: a Monge map with corners, a radial part about four centres and ridges in random axes, whose least cost is the
mean of 2,000,000 draws. Both have a standard normal source. The bound is measured at the Monge coupling, where the gap
vanishes for the best potential, and where a bound that is too high is seen first.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from problems import PLANTED, PlantedFlow, planted_in

import eulerot
from eulerot.transport.cost import lower_bound

FloatArray = NDArray[np.float64]
DIMENSIONS = (2, 3, 10, 32, 64)


@dataclass(frozen=True)
class MixedMap:
    """The gradient of ``0.3 |y|^2 + 0.4 sum log cosh(2 q_i . y) + 0.75 sum_k sqrt(0.1 + |y - c_k|^2)``.

    >>> mixed = MixedMap.in_dimension(3)
    >>> y = np.ones((1, 3))
    >>> slopes = np.array([(mixed.forward(y + h) - mixed.forward(y - h))[0] / 2e-5 for h in 1e-5 * np.eye(3)])
    >>> bool(np.allclose(slopes, slopes.T, atol=1e-8)), bool(np.linalg.eigvalsh(slopes).min() > 0.6)
    (True, True)
    """

    axes: FloatArray
    centres: FloatArray

    @classmethod
    def in_dimension(cls, dim: int, seed: int = 0) -> MixedMap:
        """Return a map with random axes and centres."""
        rng = np.random.default_rng(seed)
        return cls(np.linalg.qr(rng.standard_normal((dim, dim)))[0], 1.2 * rng.standard_normal((4, dim)))

    def forward(self, y: FloatArray) -> FloatArray:
        """Return the map at rows."""
        moved = 0.6 * y + 0.8 * np.tanh(2 * y @ self.axes) @ self.axes.T
        for centre in self.centres:
            moved += 0.75 * (y - centre) / np.sqrt(0.1 + np.sum((y - centre) ** 2, axis=1))[:, None]
        return moved

    @property
    def optimal_cost(self) -> float:
        """The least cost, by 2,000,000 draws."""
        rng = np.random.default_rng(12345)
        draws = [rng.standard_normal((20_000, len(self.axes))) for _ in range(100)]
        return float(np.mean([np.sum((self.forward(y) - y) ** 2, axis=1) for y in draws]))


def problems(dim: int) -> dict[str, tuple[PlantedFlow | MixedMap, float]]:
    """Return the Monge maps of a dimension, and their least costs."""
    planted = PLANTED["swirl"] if dim == 2 else planted_in(dim)
    return {"planted": (planted.monge, planted.optimal_cost), "mixed": _with_cost(MixedMap.in_dimension(dim))}


def _with_cost(mixed: MixedMap) -> tuple[MixedMap, float]:
    return mixed, mixed.optimal_cost


def gaps(pairs: int = 8192) -> None:
    """Print the gap at Monge maps."""
    print("| dimension | problem | W2^2 | gap | share of W2^2 | that of Gelbrich's bound | seconds |")
    print("|---|---|---|---|---|---|---|")
    for dim in DIMENSIONS:
        for name, (monge, truth) in problems(dim).items():
            y = np.random.default_rng(1).standard_normal((pairs, dim))
            x, begun = monge.forward(y), time.perf_counter()
            bound = eulerot.dual_bound(y, x)
            seconds, gelbrich = time.perf_counter() - begun, bound.cost - lower_bound(y, x)
            print(
                f"| {dim} | {name} | {truth:.4f} | {bound.gap:.2g} +- {bound.gap_standard_error:.1g} "
                f"| {bound.gap / truth:.4%} | {gelbrich / truth:.2%} | {seconds:.1f} |",
                flush=True,
            )


def seeds(dimensions: tuple[int, ...] = DIMENSIONS, count: int = 50) -> None:
    """Print how far the bound is from the truth, in standard errors, over many draws."""
    print("| dimension | problem | above the truth, at most | mean | share above it by one | by two | mean gap |")
    print("|---|---|---|---|---|---|---|")
    for dim in dimensions:
        pairs = 1024 if dim < 32 else 512
        for name, (monge, truth) in problems(dim).items():
            scores, levels = [], []
            for seed in range(count):
                y = np.random.default_rng(1000 + seed).standard_normal((pairs, dim))
                bound = eulerot.dual_bound(y, monge.forward(y), seed=seed)
                scores.append((bound.value - truth) / bound.standard_error)
                levels.append(bound.gap / truth)
            above = [np.mean(np.array(scores) > by) for by in (1, 2)]
            print(
                f"| {dim} | {name} | {max(scores):.2f} standard errors | {np.mean(scores):.2f} | {above[0]:.0%} "
                f"| {above[1]:.0%} | {np.mean(levels):.2%} |",
                flush=True,
            )


def couplings(pairs: int = 8192) -> None:
    """Print bounds from couplings far from the optimum, whose laws are the same."""
    print("| flow | pairs | cost | dual bound | Gelbrich's | known |\n|---|---|---|---|---|---|")
    for dim in (2, 10, 32):
        flow = PLANTED["swirl"] if dim == 2 else planted_in(dim)
        z = flow.latents(pairs, seed=1)
        _print_bound(f"planted, {dim} dimensions", z, flow.forward(z), f"{flow.optimal_cost:.3f}")
    for name in ("eight_gaussians", "checkerboard", "trefoil", "digits"):
        flow = eulerot.zoo.load(name)
        twin = eulerot.rearrange(flow)
        still = eulerot.RearrangedFlow(flow, eulerot.Rearrangement.identity(twin.dim))
        for words, each in {"the flow": still, "rearranged": twin}.items():
            _print_bound(f"{name}, {words}", *each.pairs(pairs, 1), "")


def _print_bound(words: str, y: FloatArray, x: FloatArray, known: str) -> None:
    """Print a line of the table."""
    bound = eulerot.dual_bound(y, x)
    value = f"{bound.value:.4f} +- {bound.standard_error:.4f}"
    print(f"| {words} | {bound.n} | {bound.cost:.4f} | {value} | {lower_bound(y, x):.4f} | {known} |", flush=True)


def timing() -> None:
    """Print seconds for numbers of pairs."""
    eulerot.dual_bound(*np.random.default_rng(0).standard_normal((2, 64, 2)))  # compile
    print("| dimension | pairs | seconds |\n|---|---|---|")
    for dim, pairs in ((2, 2048), (2, 8192), (2, 32768), (3, 8192), (10, 2048), (10, 8192), (10, 32768), (64, 8192)):
        y = np.random.default_rng(1).standard_normal((pairs, dim))
        x, begun = MixedMap.in_dimension(dim).forward(y), time.perf_counter()
        eulerot.dual_bound(y, x)
        print(f"| {dim} | {pairs} | {time.perf_counter() - begun:.1f} |", flush=True)


if __name__ == "__main__":
    {"gaps": gaps, "seeds": seeds, "couplings": couplings, "time": timing}[sys.argv[1]]()
