"""Fit planted flows of angles, and print the cost that is left beside the least there is.

    python validation/fits/torus.py [DIMENSION ...] [--seed 0]

A planted flow of `d` angles is ``M o X_m o ... o X_1`` after a shift. Each ``X`` moves the angles by geodesics of
planes that a random matching of them spans, in space by one geodesic in all three; ``M(y) = y + 0.3 sin(y + c)`` in
every angle is the gradient of a potential, and optimal, so that the least cost is that of ``M``. 8192 pairs to fit to,
5000 fresh pairs to measure on; POT's exact optimum of 2000 of them, the shortest way round, gives the excess.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

import numpy as np

import eulerot
from eulerot.latent.circle import shortest
from eulerot.latent.source import random_source
from eulerot.rearrangement.sweep import Sweep

__all__ = ["PlantedAngles", "planted_angles"]

PAIRS, FRESH, EXACT = 8192, 5000, 2000


@dataclass(frozen=True)
class PlantedAngles:
    """A flow of angles whose best rearrangement is known.

    Parameters
    ----------
    rho : Rearrangement
        That rearrangement.
    places : ndarray, shape (d,)
        ``c`` of the map ``M(y) = y + 0.3 sin(y + c)``.
    """

    rho: eulerot.Rearrangement
    places: np.ndarray

    @property
    def dim(self) -> int:
        """The number of angles."""
        return self.rho.dim

    def forward(self, z: np.ndarray) -> np.ndarray:
        """Return data of latents."""
        y = self.rho.forward(z)
        return y + 0.3 * np.sin(y + self.places)

    def inverse(self, x: np.ndarray) -> np.ndarray:
        """Return latents of data."""
        y = np.array(x)
        for _ in range(60):
            y = x - 0.3 * np.sin(y + self.places)
        return self.rho.inverse(y)

    def log_prob(self, x: np.ndarray) -> np.ndarray:
        """Return the log-density of data."""
        y = self.rho.forward(self.inverse(x))
        return -self.dim * np.log(2 * np.pi) - np.sum(np.log1p(0.3 * np.cos(y + self.places)), axis=1)

    def sample(self, n: int, seed: int = 0) -> np.ndarray:
        """Draw data."""
        return self.forward(random_source(n, self.dim, seed, domain="torus"))


def planted_angles(dim: int, seed: int = 0, strength: float = 1.0, sweeps: int = 2) -> PlantedAngles:
    """Return a planted flow of two angles or more.

    Examples
    --------
    >>> flow = planted_angles(5)
    >>> z = random_source(50, 5, 0, domain="torus")
    >>> bool(np.abs(shortest(flow.inverse(flow.forward(z)) - z, "torus")).max() < 1e-8)
    True
    """
    rng = np.random.default_rng([dim, seed])
    if dim == 3:
        stages = [Sweep((_in_space(rng, strength),), np.eye(3))]
    else:
        stages = []
        for _ in range(1 if dim == 2 else sweeps):
            order = rng.permutation(dim)
            planes = [tuple(sorted(order[i : i + 2].tolist())) for i in range(0, dim - 1, 2)]
            stages.append(Sweep(tuple(_in_plane(rng, strength) for _ in planes), np.eye(dim), tuple(planes)))
    rho = eulerot.Rearrangement(np.eye(dim), tuple(stages), shift=rng.uniform(-1, 1, dim))
    return PlantedAngles(rho, rng.uniform(-np.pi, np.pi, dim))


def _in_plane(rng: np.random.Generator, strength: float) -> eulerot.Geodesic:
    """Return a geodesic of two angles, from a vorticity of few modes."""
    grid = eulerot.Grid.from_modes(12, domain="torus")
    x, y = grid.mesh()
    waves = [np.cos(k * x + l * y + rng.uniform(0, 2 * np.pi)) for k, l in ((1, 0), (0, 1), (1, 1), (1, -1), (2, 1))]
    return eulerot.Geodesic(strength * sum(rng.uniform(0.5, 1.5) * wave for wave in waves), grid, steps=32)


def _in_space(rng: np.random.Generator, strength: float) -> eulerot.Geodesic:
    """Return a geodesic of three angles, from shears of each by the next and the one after."""
    grid = eulerot.Grid.from_modes(8, dim=3, domain="torus")
    angles = grid.mesh()
    velocity = [
        rng.uniform(0.3, 0.6) * np.sin(angles[i - 1] + rng.uniform(0, 2 * np.pi))
        + rng.uniform(0.3, 0.6) * np.cos(angles[i - 2] + rng.uniform(0, 2 * np.pi))
        for i in range(3)
    ]
    return eulerot.Geodesic(strength * np.stack(velocity), grid, steps=24)


def measured(dim: int, seed: int, **options: int) -> str:
    """Return a line of the table."""
    flow, rng = planted_angles(dim, seed), np.random.default_rng(100 + seed)
    z = rng.uniform(-np.pi, np.pi, (PAIRS, dim))
    begun = time.perf_counter()
    s = eulerot.fit(z, flow.forward(z), domain="torus", **options).rearrangement
    seconds = time.perf_counter() - begun
    z = np.random.default_rng(200 + seed).uniform(-np.pi, np.pi, (FRESH, dim))
    x, y = flow.forward(z), s.forward(z)
    shifted = shortest(z + s.shift, "torus")
    before, after, least = (
        float(np.mean(np.sum(shortest(x - a, "torus") ** 2, axis=1))) for a in (shifted, y, flow.rho.forward(z))
    )
    report = eulerot.transport_report(y[:EXACT], x[:EXACT], domain="torus")
    error = np.mean(np.linalg.norm(shortest(y - flow.rho.forward(z), "torus"), axis=1))
    back = float(np.abs(shortest(s.inverse(y) - z, "torus")).max())
    return (
        f"| {dim} | {before:.4f} | {after:.4f} | {least:.4f} | {(before - after) / (before - least):.1%} | "
        f"{report.excess:.4f} | {error:.3f} | {len(s.sweeps)} of {len(s.geodesics)} | {back:.0e} | {seconds:.0f} s |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("dimensions", nargs="*", type=int, default=[2, 3, 4, 6])
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    print(
        "| angles | shifted | rearranged | least | closed | excess | mean error | sweeps, geodesics | inverse | fit |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for dim in arguments.dimensions:
        print(measured(dim, arguments.seed), flush=True)


if __name__ == "__main__":
    main()
