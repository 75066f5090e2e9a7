"""Compare fits of the plain cost (12) and of (12'), with its control variate, on Sobol and on independent pairs.

    python validation/fits/sampling.py

Prints, for each weight of the regularisation, the cost on 20,000 fresh pairs: what an optimiser gains on its own pairs
is worth nothing if it is lost on others.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.optimize import minimize

import eulerot
from eulerot.latent.source import normal_points
from eulerot.shooting.objective import Objective
from eulerot.shooting.potential import regressed_potential

WEIGHTS = (1e-3, 1e-4, 1e-5, 1e-6)


def fresh_costs(objective: Objective, fresh: Objective, *, with_potential: bool) -> list[float]:
    """Return the cost on fresh pairs after each weight."""
    theta, costs = np.zeros(objective.size), []
    for weight in WEIGHTS:
        latents, phases = objective.moved(theta)
        potential = regressed_potential(latents, objective.x, phases) if with_potential else None
        theta = minimize(
            replace(objective, potential=potential), theta, args=(weight,), jac=True, method="L-BFGS-B",
            options={"maxiter": 60, "maxcor": 30, "ftol": 1e-6},
        ).x  # fmt: skip
        costs.append(fresh.cost(theta))
    return costs


def main() -> None:
    """Print one line for each flow, kind of pairs and cost."""
    grid = eulerot.Grid.from_modes(16)
    print("| flow | pairs | cost | " + " | ".join(f"lam = {w:g}" for w in WEIGHTS) + " |")
    print("|---|---|---|" + "---|" * len(WEIGHTS))
    for name in ("two_moons", "eight_gaussians", "checkerboard"):
        flow = eulerot.zoo.load(name)
        others = np.random.default_rng(7).standard_normal((20_000, 2))
        fresh = Objective(others, flow.forward(others), grid, threads=2)
        samples = {"Sobol": normal_points(8192, 2), "independent": np.random.default_rng(3).standard_normal((8192, 2))}
        for kind, z in samples.items():
            for label, with_potential in (("(12)", False), ("(12')", True)):
                objective = Objective(z, flow.forward(z), grid, threads=2)
                costs = fresh_costs(objective, fresh, with_potential=with_potential)
                print(f"| {name} | {kind} | {label} | " + " | ".join(f"{c:.4f}" for c in costs) + " |", flush=True)


if __name__ == "__main__":
    main()
