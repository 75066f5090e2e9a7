"""The search for initial velocities: continuation in the regularisation, geodesic after geodesic."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.optimize import OptimizeResult, minimize
from tqdm import tqdm

from eulerot._types import FloatArray
from eulerot.euler.grid import Grid
from eulerot.objective import Objective
from eulerot.options import FitOptions
from eulerot.potential import regressed_potential

__all__ = ["FitStage", "Pairs", "Search"]

Pairs = tuple[FloatArray, FloatArray]


@dataclass(frozen=True)
class FitStage:
    """One run of the optimiser, for one weight of the regularisation.

    Attributes
    ----------
    segment : int
        Which geodesic was sought; 0 for all of them together.
    regularisation : float
        The weight.
    iterations : int
        Iterations of the optimiser.
    train_cost, held_out_cost : float
        Costs at its end by equation (12'), whose expectation is that of the cost.
    converged : bool
        Whether the optimiser met its tolerance.
    seconds : float
        The time taken.
    """

    segment: int
    regularisation: float
    iterations: int
    train_cost: float
    held_out_cost: float
    converged: bool
    seconds: float


@dataclass
class Search:
    """What has been tried so far, and the best of it.

    Attributes
    ----------
    best : list of ndarray
        The unknowns of each geodesic.
    history : list of FitStage
        What was tried.
    interrupted : bool
        Whether Ctrl-C ended it; `best` then holds the best so far.
    """

    options: FitOptions
    grid: Grid
    train: Pairs
    held: Pairs
    bar: tqdm
    history: list[FitStage] = field(default_factory=list)
    best: list[FloatArray] = field(default_factory=list)
    interrupted: bool = False

    def run(self) -> None:
        """Fit the geodesics one after the other, then all together."""
        train, held = self.train, self.held
        weights = self.options.regularisation
        for segment in range(1, self.options.segments + 1):
            theta, weight = self._descend(self._objective(train), self._objective(held), segment, weights)
            if theta is None:
                break
            self.best.append(theta)
            if self.interrupted:
                return
            train, held = self._moved(train, theta), self._moved(held, theta)
        if len(self.best) > 1 and not self.interrupted:
            lighter = tuple(w for w in weights if w <= weight)
            objective, check = self._objective(self.train, len(self.best)), self._objective(self.held, len(self.best))
            theta, _ = self._descend(objective, check, 0, lighter, np.concatenate(self.best))
            if theta is not None:
                self.best = list(theta.reshape(len(self.best), -1))

    def vorticities(self) -> list[FloatArray]:
        """Return the initial vorticities' coefficients of the geodesics."""
        return [self._objective(self.train).vorticity(theta)[0] for theta in self.best]

    def _objective(self, pairs: Pairs, segments: int = 1) -> Objective:
        options = self.options
        return Objective(*pairs, self.grid, steps=options.steps, segments=segments, threads=options.workers)

    def _moved(self, pairs: Pairs, theta: FloatArray) -> Pairs:
        return self._objective(pairs).moved(theta), pairs[1]

    def _descend(
        self,
        objective: Objective,
        check: Objective,
        segment: int,
        weights: tuple[float, ...],
        start: FloatArray | None = None,
    ) -> tuple[FloatArray | None, float]:
        """Go through the weights; return the unknowns of the lowest held-out cost, None if none beats the start."""
        theta = np.zeros(objective.size) if start is None else start
        first, best, chosen, worse = theta, None, weights[0], 0
        for weight in weights:
            # the potential of where we are: a better one with every weight
            potential = regressed_potential(objective.moved(theta), objective.x)
            objective, check = replace(objective, potential=potential), replace(check, potential=potential)
            lowest = check.cost(first if best is None else best)
            theta, stage = self._minimised(objective, check, segment, theta, weight)
            self.history.append(stage)
            worse = 0 if stage.held_out_cost < lowest else worse + 1
            if worse == 0:
                best, chosen = theta, weight
            if worse == 2 or self.interrupted:
                break
        return best, chosen

    def _minimised(
        self, objective: Objective, check: Objective, segment: int, theta: FloatArray, weight: float
    ) -> tuple[FloatArray, FitStage]:
        """Run the optimiser for one weight, from `theta`."""
        begun, latest = time.perf_counter(), [theta]

        def tick(intermediate_result: OptimizeResult) -> None:
            latest.append(intermediate_result.x.copy())
            self.bar.set_postfix_str(f"objective {intermediate_result.fun:.5f}", refresh=False)
            self.bar.update()

        converged = False
        try:
            found = minimize(
                objective, theta, args=(weight,), jac=True, method="L-BFGS-B", callback=tick,
                options={"maxiter": self.options.max_iterations, "maxcor": 30, "ftol": 1e-6, "gtol": 1e-7},
            )  # fmt: skip
            end, converged = found.x, found.status == 0
        except KeyboardInterrupt:
            self.interrupted, end = True, latest[-1]
        costs = objective.cost(end), check.cost(end)
        return end, FitStage(segment, weight, len(latest) - 1, *costs, converged, time.perf_counter() - begun)
