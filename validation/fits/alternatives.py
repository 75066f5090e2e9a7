"""Compare one geodesic with velocities that are free in time, and with free ones that are penalised, at equal cost.

    python validation/fits/alternatives.py [FLOW ...]

Writes the table and the figure of `docs/alternatives.md`, flow by flow. All start from rest on the same pairs in the
same axes, minimise (12') with the same two weights, may take as many Runge-Kutta stages a pair, and choose the penalty
on the same held-out pairs.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from free_velocities import Free
from marked_tables import read_table, write_table
from measures import costs_by_pair
from scipy.optimize import minimize

import eulerot
from eulerot.euler.grid import Grid
from eulerot.latent.source import normal_points
from eulerot.shooting.objective import Objective
from eulerot.shooting.potential import Potential, regressed_potential
from eulerot.transport.report import transport_report

PAGE = Path(__file__).parents[2] / "docs" / "alternatives.md"
COLUMNS = ("flow", "velocity", "unknowns", "closed", "against the geodesic", "cost", "action", "residual")
COLUMNS += ("evaluations", "stages")
FLOWS = ("two_moons", "eight_gaussians", "pinwheel", "checkerboard")
SEEDS, PAIRS, HELD, FRESH = (0, 1, 2), 3584, 8192, 20_000
WEIGHTS, PENALTIES, PIECES, GEODESIC = (1e-4, 1e-5), (1e-4, 1e-3, 1e-2, 1e-1), 4, "one geodesic"
# Runge-Kutta stages a pair for each weight: what 24 evaluations of a geodesic of 8 steps take
BUDGET = 24 * 8 * 4


@dataclass
class Metered:
    """An objective that counts its evaluations, and their stages, each of which moves every particle once."""

    objective: Objective
    weight: float
    evaluations: int = 0
    stages: int = 0

    def __call__(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return ``J`` and its gradient."""
        steps = sum(self.objective._enough_steps(start) for start in self.objective.fields(theta))
        self.evaluations, self.stages = self.evaluations + 1, self.stages + steps * self.objective.tableau.stages
        return self.objective(theta, self.weight)

    def stop(self, intermediate_result: object) -> None:
        """End the optimiser once the stages are spent."""
        if self.stages >= BUDGET:
            raise StopIteration


@dataclass
class Fitted:
    """The unknowns that a velocity ends with, and how many evaluations and stages they took."""

    objective: Objective
    theta: np.ndarray
    evaluations: int = 0
    stages: int = 0


def regressed(objective: Objective, theta: np.ndarray) -> Potential:
    """Return the potential that the rearranged latents of an objective and its data give."""
    latents, phases = objective.moved(theta)
    return regressed_potential(latents, objective.x, phases)


def fitted(objective: Objective, unit: float) -> Fitted:
    """Return the unknowns at the end of the continuation, after as many stages for every weight."""
    found = Fitted(objective, np.zeros(objective.size))
    for weight in WEIGHTS:
        potential = regressed(objective, found.theta)
        metered = Metered(replace(objective, potential=potential), weight * unit)
        options = {"maxiter": 1000, "maxfun": 1000, "maxcor": 30, "ftol": 0.0, "gtol": 0.0}
        found.theta = minimize(
            metered, found.theta, jac=True, method="L-BFGS-B", callback=metered.stop, options=options
        ).x  # fmt: skip
        found.evaluations, found.stages = found.evaluations + metered.evaluations, found.stages + metered.stages
    return found


def velocities(z: np.ndarray, x: np.ndarray, unit: float) -> dict[str, Objective]:
    """Return the objectives to compare: fields of 16 modes, or as many unknowns in four fields of 8."""
    fine, coarse = Grid.from_modes(16), Grid.from_modes(16 // int(PIECES**0.5))
    found: dict[str, Objective] = {GEODESIC: Objective(z, x, fine, steps=8, threads=2)}
    for grid, modes in ((coarse, "8 modes"), (fine, "16 modes")):
        for penalty in (0.0, *PENALTIES):
            kind = f"penalised, {penalty:.0e}, {modes}" if penalty else f"free, {modes}"
            found[kind] = Free(z, x, grid, steps=2, geodesics=PIECES, threads=2, penalty=penalty * unit)
    return found


@dataclass
class Study:
    """Compares the velocities on one flow, with pairs of one seed; measures them on fresh pairs."""

    name: str
    seed: int
    numbers: dict[str, tuple[float, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        flow, z = eulerot.zoo.load(self.name), normal_points(PAIRS, 2, self.seed)
        x, rng = flow.forward(z), np.random.default_rng(100 + self.seed)
        options = {"geodesics": 1, "align": False, "max_iterations": 1, "seed": self.seed}
        to_axes = eulerot.fit(z, x, **options).rearrangement.sweeps[0].axes.T
        held, fresh = rng.standard_normal((HELD, 2)), rng.standard_normal((FRESH, 2))
        self.train, self.held, self.fresh = (
            (rows @ to_axes, flow.forward(rows) @ to_axes) for rows in (z, held, fresh)
        )
        self.unit = float(np.sqrt(np.mean(np.sum((x - x.mean(axis=0)) ** 2, axis=1))))

    def completed(self) -> Study:
        """Fit all velocities, choose among the penalties, and measure; return the study with its numbers."""
        fits: dict[str, Fitted] = {}
        for label, objective in velocities(*self.train, self.unit).items():
            fits[label] = fitted(objective, self.unit)
        # one potential for all that are compared
        first = fits[GEODESIC]
        potential = regressed(first.objective, first.theta)
        fits |= self._chosen(fits, potential)
        base = self.costs(first, potential)
        before, after = self.excesses(first)
        for label, fit in fits.items():
            costs = self.costs(fit, potential)
            closed = 1 - (after + float(np.mean(costs - base))) / before
            exact = replace(fit.objective, steps=32)
            action = exact.geodesics * 0.5 * float(fit.theta @ fit.theta)
            residual = exact.residual(fit.theta)[0] if isinstance(exact, Free) else 0.0
            against = closed - (1 - after / before)
            self.numbers[label] = (
                fit.theta.size, closed, against, float(np.mean(costs)), action, residual, fit.evaluations, fit.stages,
            )  # fmt: skip
            print(self.name, self.seed, label, np.round(self.numbers[label], 4), flush=True)
        return self

    def _chosen(self, fits: dict[str, Fitted], potential: Potential) -> dict[str, Fitted]:
        """Return for each number of modes the penalised velocity that held-out pairs prefer."""

        def held_out(fit: Fitted) -> float:
            return replace(fit.objective, z=self.held[0], x=self.held[1], potential=potential).cost(fit.theta)

        chosen = {}
        for modes in ("8 modes", "16 modes"):
            some = [
                fit for label, fit in fits.items() if label.startswith("penalised") and label.endswith(f", {modes}")
            ]
            chosen[f"penalised, chosen, {modes}"] = min(some, key=held_out)
        return chosen

    def costs(self, fit: Fitted, potential: Potential) -> np.ndarray:
        """Return the terms of (12') of fresh pairs."""
        return costs_by_pair(self._moved(fit, *self.fresh), self.fresh[1], potential)

    def excesses(self, fit: Fitted) -> tuple[float, ...]:
        """Return the excess of 5000 fresh pairs, before and after."""
        z, x = (rows[:5000] for rows in self.fresh)
        return tuple(transport_report(y, x).excess for y in (z, self._moved(fit, z, x)))

    def _moved(self, fit: Fitted, z: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return the rearranged latents, in more steps than the fit took."""
        return replace(fit.objective, z=z, x=x, steps=32).moved(fit.theta)[0]


def lines(name: str, studies: list[Study]):
    """Yield the lines of the table: means over seeds, and the range of what is closed."""
    for label in studies[0].numbers:
        rows = np.array([study.numbers[label] for study in studies])
        size, closed, against, cost, action, residual, evaluations, stages = rows.mean(axis=0)
        low, high = rows[:, 1].min(), rows[:, 1].max()
        more = f"{100 * against:+.2f} ({100 * rows[:, 2].min():+.2f} .. {100 * rows[:, 2].max():+.2f})"
        yield (
            name, label, f"{size:.0f}", f"{closed:.2%} ({low:.2%} .. {high:.2%})", "" if label == GEODESIC else more,
            f"{cost:.4f}", f"{action:.3f}", f"{residual:.2f}", f"{evaluations:.0f}", f"{stages:.0f}",
        )  # fmt: skip


def put(name: str, new: list[tuple[str, ...]]) -> None:
    """Put the rows of a flow into the table of the page, in place of the old ones."""
    rows = read_table(PAGE, "table")
    kept = {flow: [row for row in rows if row[0] == flow] for flow in FLOWS} | {name: new}
    write_table(PAGE, "table", COLUMNS, [row for flow in FLOWS for row in kept[flow]])


def draw(path: Path) -> None:
    """Draw what is left of the excess against the action, from free to heavily penalised, from the table."""
    from matplotlib import pyplot as plt

    numbers = {row[:2]: (float(row[6]), 100 - float(row[3].split("%")[0])) for row in read_table(PAGE, "table")}
    flows = [flow for flow in FLOWS if (flow, GEODESIC) in numbers]
    size = (3.4 * len(flows), 3.4)
    figure, panels = plt.subplots(1, len(flows), figsize=size, layout="constrained", squeeze=False)
    for name, ax in zip(flows, panels[0], strict=True):
        for modes, colour in (("8 modes", "C0"), ("16 modes", "C1")):
            labels = [f"free, {modes}", *(f"penalised, {penalty:.0e}, {modes}" for penalty in PENALTIES)]
            curve = np.array([numbers[name, label] for label in labels])
            ax.semilogy(*curve.T, "o-", color=colour, label=f"free (hollow) to penalised, {modes}")
            ax.semilogy(*curve[0], "o", color=colour, mfc="white", zorder=3)
        ax.semilogy(*numbers[name, GEODESIC], "k*", ms=12, label=GEODESIC)
        ax.set(title=name.replace("_", " "), xlabel="action")
        ax.yaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_minor_formatter("{x:g}")
    panels[0][0].set_ylabel("excess that is left, %")
    panels[0][0].legend(frameon=False, fontsize=7)
    figure.savefig(path, dpi=150)


def main() -> None:
    """Write the table and the figure into the documentation, all flows by default."""
    for name in sys.argv[1:] or FLOWS:
        put(name, list(lines(name, [Study(name, seed).completed() for seed in SEEDS])))
        draw(PAGE.parent / "images" / "alternatives.png")


if __name__ == "__main__":
    main()
