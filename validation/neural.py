"""One geodesic against a neural velocity of the published size, on the same pairs.

    .venv-flows/bin/python validation/neural.py [FLOW ...]

Writes the second table of `docs/alternatives.md`. The velocity is that of the authors' published defaults for toy sets:
two layers of 15 tanh on position and time, in a form that is divergence-free and tangent to the walls, 15 steps of RK4.
It is free: no penalty. Trained by Adam in batches, with their rate and start, and by L-BFGS on (12') like the geodesic.
Needs torch.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
import torch
from alternatives import BUDGET, GEODESIC, SEEDS, WEIGHTS, Study, fitted, put, velocities
from scipy.optimize import minimize
from scipy.special import erf, erfinv

from eulerot.potential import Potential, regressed_potential

FLOWS = ("two_moons", "eight_gaussians")
COLUMNS = ("flow", "velocity", "unknowns", "closed", "cost", "action", "stages")
STEPS, STAGES, WIDTH, BATCH, RATE, DECAY = 15, 4, 15, 1024, 2e-3, 1e-4
TOTAL = len(WEIGHTS) * BUDGET


class Velocity(torch.nn.Module):
    """``u = (psi_y, -psi_x)`` with ``psi = (1 - x^2) (1 - y^2) n(x, y, t)`` in the box ``[-1, 1]^2``."""

    def __init__(self, deviation: float | None) -> None:
        super().__init__()
        sizes = (3, WIDTH, WIDTH, 1)
        layers = [torch.nn.Linear(a, b, dtype=torch.float64) for a, b in pairwise(sizes)]
        self.first, self.second, self.last = layers
        if deviation is None:  # at rest
            torch.nn.init.zeros_(self.last.weight)
            torch.nn.init.zeros_(self.last.bias)
            return
        for layer in layers:
            torch.nn.init.normal_(layer.weight, std=deviation)
            torch.nn.init.zeros_(layer.bias)

    def forward(self, at: torch.Tensor, time: float) -> torch.Tensor:
        """Return velocities."""
        one = torch.tanh(self.first(torch.cat([at, torch.full_like(at[:, :1], time)], dim=1)))
        two = torch.tanh(self.second(one))
        n, slope = self.last(two)[:, 0], ((1 - two**2) * self.last.weight) @ self.second.weight
        slope = (slope * (1 - one**2)) @ self.first.weight[:, :2]
        walls = 1 - at**2
        by_x = walls[:, 1] * (walls[:, 0] * slope[:, 0] - 2 * at[:, 0] * n)
        by_y = walls[:, 0] * (walls[:, 1] * slope[:, 1] - 2 * at[:, 1] * n)
        return torch.stack([by_y, -by_x], dim=1)

    def way(self, at: torch.Tensor) -> Iterator[tuple[float, torch.Tensor]]:
        """Yield times and positions, step by step."""
        dt = 1 / STEPS
        for step in range(STEPS):
            time = step * dt
            yield time, at
            k1 = self(at, time)
            k2 = self(at + 0.5 * dt * k1, time + 0.5 * dt)
            k3 = self(at + 0.5 * dt * k2, time + 0.5 * dt)
            k4 = self(at + dt * k3, time + dt)
            at = at + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        yield 1.0, at

    def action(self, at: torch.Tensor) -> float:
        """Return the integral of the kinetic energy in the box ``[0, pi]^2``."""
        with torch.no_grad():
            speeds = [self(here, time).square().sum(dim=1).mean() for time, here in self.way(at)]
        return float(np.trapezoid([float(s) for s in speeds], dx=1 / STEPS)) * 0.5 * (np.pi / 2) ** 2


def into(z: np.ndarray) -> torch.Tensor:
    """Return positions in ``[-1, 1]^2``."""
    return torch.from_numpy(erf(z / np.sqrt(2)))


def back(at: np.ndarray) -> np.ndarray:
    """Return latents."""
    return np.sqrt(2) * erfinv(np.clip(at, -1 + 1e-15, 1 - 1e-15))


def moved(velocity: Velocity, z: np.ndarray) -> np.ndarray:
    """Return ``s(z)``."""
    with torch.no_grad():
        *_, (_, end) = velocity.way(into(z))
    return back(end.numpy())


def by_lbfgs(z: np.ndarray, x: np.ndarray, stages: int) -> Velocity:
    """Minimise (12'), the potential regressed twice, by L-BFGS on all pairs."""
    velocity = Velocity(None)
    unknowns = torch.nn.utils.parameters_to_vector(velocity.parameters()).detach().numpy()

    def cost(theta: np.ndarray, potential: Potential) -> tuple[float, np.ndarray]:
        torch.nn.utils.vector_to_parameters(torch.from_numpy(theta.copy()), velocity.parameters())
        velocity.zero_grad()
        *_, (_, end) = velocity.way(into(z))
        y = back(end.detach().numpy())
        values, slopes = potential(y)
        by_y = 2 * (slopes - x) / len(z) * np.sqrt(np.pi / 2) * np.exp(0.5 * y**2)
        end.backward(torch.from_numpy(by_y))
        gradient = torch.cat([p.grad.ravel() for p in velocity.parameters()]).numpy()
        return float(np.mean(2 * values - 2 * np.sum(x * y, axis=1))), gradient

    for _ in WEIGHTS:
        potential = regressed_potential(moved(velocity, z), x)
        most = stages // (len(WEIGHTS) * STEPS * STAGES)
        options = {"maxfun": most, "maxiter": most, "maxcor": 30, "ftol": 0.0, "gtol": 0.0}
        unknowns = minimize(cost, unknowns, (potential,), "L-BFGS-B", jac=True, options=options).x
        cost(unknowns, potential)
    return velocity


def by_adam(z: np.ndarray, x: np.ndarray, stages: int) -> Velocity:
    """Minimise the cost itself by Adam in batches."""
    velocity, steps = Velocity(1e-3), stages * len(z) // (STEPS * STAGES * BATCH)
    optimiser = torch.optim.Adam(velocity.parameters(), lr=RATE, weight_decay=DECAY)
    data, rng = torch.from_numpy(x), np.random.default_rng(0)
    for _ in range(steps):
        some = rng.integers(0, len(z), BATCH)
        optimiser.zero_grad()
        *_, (_, end) = velocity.way(into(z[some]))
        y = np.sqrt(2) * torch.erfinv(end.clamp(-1 + 1e-12, 1 - 1e-12))
        (data[some] - y).square().sum(dim=1).mean().backward()
        optimiser.step()
    return velocity


def rows(name: str) -> Iterator[tuple[str, ...]]:
    """Yield the lines of the table."""
    study = Study(name, SEEDS[0])
    z, x = study.train
    objective = velocities(z, x, study.unit)[GEODESIC]
    base = fitted(objective, replace(objective, z=study.held[0], x=study.held[1]), study.unit)
    potential = regressed_potential(base.objective.moved(base.theta), x)
    before, after = study.excesses(base)
    costs, fresh = study.each(base, potential), study.fresh

    def line(label: str, unknowns: int, each: np.ndarray, action: float, stages: int) -> tuple[str, ...]:
        closed = 1 - (after + float(np.mean(each - costs))) / before
        return (name, label, str(unknowns), f"{closed:.1%}", f"{np.mean(each):.4f}", f"{action:.3f}", str(stages))

    yield line(GEODESIC, base.theta.size, costs, 0.5 * float(base.theta @ base.theta), base.stages)
    for label, train, times in RUNS:
        torch.manual_seed(SEEDS[0])
        velocity = train(z, x, times * TOTAL)
        each, action = study.each_of(moved(velocity, fresh[0]), potential), velocity.action(into(fresh[0]))
        yield line(label, sum(p.numel() for p in velocity.parameters()), each, action, times * TOTAL)


RUNS = (("neural, L-BFGS", by_lbfgs, 1), ("neural, L-BFGS", by_lbfgs, 4), ("neural, Adam", by_adam, 1))


def main() -> None:
    """Write the table, flow by flow."""
    torch.set_num_threads(2)
    for name in sys.argv[1:] or FLOWS:
        table = []
        for line in rows(name):
            print(" | ".join(line), flush=True)
            table.append(line)
            put("neural", COLUMNS, name, table)


if __name__ == "__main__":
    main()
