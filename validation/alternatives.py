"""One geodesic against velocities that are free in time, and free ones that are penalised, at equal cost.

    python validation/alternatives.py

Writes the table of `docs/alternatives.md`. All start from rest on the same 7168 Sobol pairs in the same axes,
minimise (12'), take as many evaluations of (J, grad J) and choose their weights on the same 1024 other pairs; 5000
fresh pairs are for the table.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

import eulerot
from eulerot.euler.grid import Grid
from eulerot.euler.trajectory import Trajectory
from eulerot.objective import Objective
from eulerot.potential import regressed_potential
from eulerot.source import normal_points
from eulerot.transport import transport_report

PAGE = Path(__file__).parent.parent / "docs" / "alternatives.md"
HEADER = "| flow | velocity | unknowns | closed | cost | excess | action | residual | fit |\n" + "|---" * 9 + "|\n"
WEIGHTS, EVALUATIONS, PIECES = (1e-4, 1e-5), 40, 4


@dataclass(frozen=True)
class Steady(Trajectory):
    """Particles in a field that stays as it is, whatever the Euler equations say."""

    def stages(self, start: np.ndarray, steps: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return the field and its stages, all alike."""
        count = self.steps if steps is None else steps
        return start, np.broadcast_to(start, (count, self.tableau.stages, *start.shape)).copy()

    def adjoint(self, tape: list, field_bar: None, positions_bar: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return derivatives by the field and by the positions at the start."""
        total = self.equation.zeros()
        while tape:
            piece = tape.pop()
            if piece.record is None:
                self._follow(piece, keep=True)
            carrier_bar, positions_bar = piece.transport.adjoint(piece.record, positions_bar)
            total += self.equation.carrier(carrier_bar).sum(axis=(0, 1))
        return total, positions_bar


@dataclass(frozen=True)
class Free(Objective):
    """Steady stream functions in turn, with `penalty` times their Euler residual.

    It is ``m^3 sum |w' - w - T((w + w') / 2)|^2`` over neighbours in time, in the norm of the kinetic energy;
    fields are those of unit time a piece, hence the power of m.
    """

    penalty: float = 0.0

    def _trajectory(self, vorticity: np.ndarray) -> Steady:
        return Steady(self._equation, self.tableau, 1.0, self._enough_steps(vorticity), self.threads)

    def __call__(self, theta: np.ndarray, regularisation: float) -> tuple[float, np.ndarray]:
        """Return ``J`` and its gradient."""
        value, gradient = super().__call__(theta, regularisation)
        if self.penalty == 0:
            return value, gradient
        residual, by_theta = self.residual(theta)
        return value + self.penalty * residual, gradient + self.penalty * by_theta

    def residual(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the Euler residual and its gradient."""
        fields, total = self.vorticity(theta), 0.0
        gradient, tendency, back = np.zeros_like(fields), self._equation.zeros(), self._equation.zeros()
        for j in range(self.segments - 1):
            middle = 0.5 * (fields[j] + fields[j + 1])
            self._equation.tendency(middle, tendency)
            difference = (fields[j + 1] - fields[j] - tendency) * self.segments**1.5
            multiplier = 2 * difference / self.grid.laplacian * self.segments**1.5
            total += float(np.sum(self.grid.weights * difference**2 / self.grid.laplacian))
            self._equation.adjoint(middle, multiplier, back)
            gradient[j] += -multiplier - 0.5 * back
            gradient[j + 1] += multiplier - 0.5 * back
        return total, (self.grid.weights * self._scale * gradient).ravel()


def fitted(objective: Objective, check: Objective) -> np.ndarray:
    """Return the unknowns that the other pairs prefer, after the same number of evaluations for every weight."""
    unit = float(np.sqrt(np.mean(np.sum((objective.x - objective.x.mean(axis=0)) ** 2, axis=1))))
    theta, tried = np.zeros(objective.size), []
    for weight in WEIGHTS:
        potential = regressed_potential(objective.moved(theta), objective.x)
        objective, check = replace(objective, potential=potential), replace(check, potential=potential)
        weighted = weight * unit
        theta = minimize(
            objective, theta, (weighted,), "L-BFGS-B", jac=True,
            options={"maxfun": EVALUATIONS, "maxcor": 30, "ftol": 0.0},
        ).x  # fmt: skip
        tried.append(theta)
    return min(tried, key=check.cost)


def velocities(z: np.ndarray, x: np.ndarray) -> dict[str, Objective]:
    """Return what is compared."""
    fine, coarse = Grid.from_modes(16), Grid.from_modes(16 // int(PIECES**0.5))
    pieces = {"steps": 4, "segments": PIECES, "threads": 2}
    return {
        "one geodesic": Objective(z, x, fine, steps=8, threads=2),
        "free": Free(z, x, coarse, **pieces),
        "penalised, 1e-3": Free(z, x, coarse, penalty=1e-3, **pieces),
        "penalised, 1e-1": Free(z, x, coarse, penalty=1e-1, **pieces),
        "free, 16 modes": Free(z, x, fine, **pieces),
    }


def rows(name: str):
    """Yield one line of the table for each velocity."""
    flow, z = eulerot.zoo.load(name), normal_points(8192, 2)
    x, fresh = flow.forward(z), np.random.default_rng(1).standard_normal((5000, 2))
    data = flow.forward(fresh)
    before = transport_report(fresh, data)
    axes = eulerot.fit(z, x, align=False, max_iterations=1).rearrangement.sweeps[0].axes
    held = np.random.default_rng(0).permutation(len(z)) < len(z) // 8
    for label, objective in velocities(z[~held] @ axes.T, x[~held] @ axes.T).items():
        begun = time.perf_counter()
        theta = fitted(objective, replace(objective, z=z[held] @ axes.T, x=x[held] @ axes.T))
        seconds = time.perf_counter() - begun
        exact = replace(objective, z=fresh @ axes.T, x=data @ axes.T, steps=64)
        after = transport_report(exact.moved(theta) @ axes, data)
        closed, action = 1 - after.excess / before.excess, objective.segments * 0.5 * float(theta @ theta)
        residual = f"{exact.residual(theta)[0]:.2f}" if isinstance(exact, Free) else "0"
        numbers = f"{closed:.2%} | {after.cost:.4f} | {after.excess:.5f} | {action:.3f} | {residual} | {seconds:.1f} s"
        yield f"| {name} | {label} | {theta.size} | {numbers} |"


def main() -> None:
    """Write the table into its page."""
    lines = []
    for name in ("two_moons", "eight_gaussians"):
        for line in rows(name):
            print(line, flush=True)
            lines.append(line)
    first, marker, rest = PAGE.read_text().partition("<!-- table -->\n")
    _, end, last = rest.partition("<!-- end of table -->")
    PAGE.write_text(first + marker + HEADER + "\n".join(lines) + "\n" + end + last)


if __name__ == "__main__":
    main()
