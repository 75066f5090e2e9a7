"""Time particles: evolved samples a second, the gradient against the forward solve, naive sums by matrix products.

    python validation/bench/particles.py [--particles 50000] [--threads 2]

The box, K = 16, 16 steps of RK4, field and particles together. Goals on two threads: 3e5 samples a second or more, and
a gradient in at most 3.5 times the forward solve (never above 4.5).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from timing import alternate, median, ratio

from eulerot.euler.equations import VorticityEquation
from eulerot.euler.geodesic import Geodesic
from eulerot.euler.grid import Grid
from eulerot.euler.integrators import RK4
from eulerot.euler.particles.phases import to_positions
from eulerot.euler.trajectory import Trajectory
from eulerot.latent.chart import to_box
from eulerot.shooting.objective import Objective

MODES, STEPS = 16, 16


def naive(psi: np.ndarray, start: np.ndarray, dt: float) -> np.ndarray:
    """Return positions at the end, from stream functions ``(steps, 4, K, K)``: RK4 with a matrix product a stage."""
    k = np.arange(1.0, psi.shape[-1] + 1)

    def velocity(positions: np.ndarray, psi_hat: np.ndarray) -> np.ndarray:
        x, y = positions[:, :1] * k, positions[:, 1:] * k
        sin_y, cos_y = np.sin(y), np.cos(y)
        u = np.einsum("pl,pl->p", np.sin(x) @ (psi_hat * k), cos_y)
        v = np.einsum("pl,pl->p", np.cos(x) @ (k[:, None] * psi_hat), sin_y)
        return np.stack([u, -v], axis=1)

    positions = start
    for stages in psi:
        first = velocity(positions, stages[0])
        second = velocity(positions + 0.5 * dt * first, stages[1])
        third = velocity(positions + 0.5 * dt * second, stages[2])
        fourth = velocity(positions + dt * third, stages[3])
        positions = positions + dt / 6 * (first + 2 * second + 2 * third + fourth)
    return positions


def problem(particles: int, threads: int) -> tuple[Objective, np.ndarray, Geodesic]:
    """Return an objective, unknowns of a flow that moves latents by about one, and its geodesic."""
    rng = np.random.default_rng(0)
    z = rng.standard_normal((particles, 2))
    grid = Grid.from_modes(MODES)
    objective = Objective(z, z + 0.5, grid, steps=STEPS, threads=threads)
    theta = rng.standard_normal(grid.shape_hat) / grid.laplacian**1.5
    theta /= np.linalg.norm(theta)
    (field0_hat,) = objective.fields(theta.ravel())
    geodesic = Geodesic.from_coefficients(field0_hat, grid, steps=STEPS, tableau=RK4, threads=threads)
    return objective, theta.ravel(), geodesic


def calls(particles: int, threads: int) -> dict[str, Callable[[], object]]:
    """Return the calls to time, after a check that the naive sums give the same map."""
    objective, theta, geodesic = problem(particles, threads)
    equation = VorticityEquation(geodesic.grid)
    trajectory = Trajectory(equation, RK4, 1.0, STEPS, threads)
    phases, ones = to_box(objective.z), np.ones_like(objective.z)
    start = to_positions(phases, geodesic.grid)
    _, stages = trajectory.stages(geodesic.field0_hat)
    psi = equation.carrier(stages)
    difference = np.abs(naive(psi, start[:1000], 1.0 / STEPS) - geodesic.forward(start[:1000])).max()
    print(f"{particles} particles, {threads} thread(s); naive sums differ by {difference:.1e}\n")
    return {
        "map": lambda: geodesic.forward(start),
        "forward": lambda: trajectory.advection(geodesic.field0_hat)[1].advance(phases),
        "forward and gradient": lambda: trajectory.gradient(geodesic.field0_hat, phases, None, ones),
        "naive map": lambda: naive(psi, start, 1.0 / STEPS),
        "cost": lambda: objective.cost(theta),
        "cost and gradient": lambda: objective(theta, 0.0),
    }


def main() -> None:
    """Print the table in Markdown, and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--particles", type=int, default=50_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    times = alternate(calls(arguments.particles, arguments.threads), rounds=arguments.rounds)
    print("| | ms | samples a second |\n|---|---|---|")
    for name in times:
        milliseconds = median(times, name)
        print(f"| {name} | {milliseconds:.1f} | {1e3 * arguments.particles / milliseconds:.3g} |")
    print(f"\ngradient over forward: {ratio(times, 'forward and gradient', 'forward'):.2f}")
    print(f"cost and gradient over cost: {ratio(times, 'cost and gradient', 'cost'):.2f}")
    print(f"naive over ours: {ratio(times, 'naive map', 'map'):.1f}")


if __name__ == "__main__":
    main()
