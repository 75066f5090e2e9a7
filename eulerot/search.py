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
        return Objective(*pairs, self.grid, steps=self.options.steps, segments=segments, threads=self.options.workers)

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
        tried, worse = [theta], 0
        for weight in weights:
            # the potential of where we are: a better one with every weight, and one for all that are compared
            potential = regressed_potential(objective.moved(theta), objective.x)
            objective, check = replace(objective, potential=potential), replace(check, potential=potential)
            lowest = min(check.cost(other) for other in tried)
            theta, stage = self._minimised(objective, check, segment, theta, weight)
            tried.append(theta)
            self.history.append(stage)
            worse = 0 if stage.held_out_cost < lowest else worse + 1
            if worse == 2 or self.interrupted:
                break
        return self._chosen(objective, check, tried)

    def _chosen(
        self, objective: Objective, check: Objective, tried: list[FloatArray]
    ) -> tuple[FloatArray | None, float]:
        """Return the unknowns that held-out pairs prefer, and their weight; enter all costs by the last potential."""
        n = len(tried) - 1
        self.history[-n:] = [
            replace(stage, train_cost=objective.cost(theta), held_out_cost=check.cost(theta))
            for stage, theta in zip(self.history[-n:], tried[1:], strict=True)
        ]
        best = min(range(1, n + 1), key=lambda i: self.history[i - n - 1].held_out_cost)
        stage = self.history[best - n - 1]
        return (tried[best] if stage.held_out_cost < check.cost(tried[0]) else None), stage.regularisation

    def _minimised(
        self, objective: Objective, check: Objective, segment: int, theta: FloatArray, weight: float
    ) -> tuple[FloatArray, FitStage]:
        """Run the optimiser for one weight, from `theta`."""
        begun, latest, converged = time.perf_counter(), theta, False
        iterations = 0

        def tick(intermediate_result: OptimizeResult) -> None:
            nonlocal latest, iterations
            latest, iterations = intermediate_result.x.copy(), iterations + 1
            self.bar.set_postfix_str(f"objective {intermediate_result.fun:.5f}", refresh=False)
            self.bar.update()

        try:
            found = minimize(
                objective, theta, args=(weight,), jac=True, method="L-BFGS-B", callback=tick,
                options={"maxiter": self.options.max_iterations, "maxcor": 30, "ftol": 1e-6, "gtol": 1e-7},
            )  # fmt: skip
            latest, converged = found.x, found.status == 0
        except KeyboardInterrupt:
            self.interrupted = True
        costs = objective.cost(latest), check.cost(latest)
        return latest, FitStage(segment, weight, iterations, *costs, converged, time.perf_counter() - begun)
