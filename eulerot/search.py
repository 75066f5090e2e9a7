"""The search for initial velocities: axes, continuation in the regularisation, and then more geodesics than one."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from scipy.optimize import OptimizeResult, minimize
from tqdm import tqdm

from eulerot._types import FloatArray
from eulerot.coarse import Coarse, rotation_by
from eulerot.euler.grid import Grid
from eulerot.objective import Objective
from eulerot.options import FitOptions
from eulerot.potential import regressed_potential

__all__ = ["FitStage", "Pairs", "Search"]

Pairs = tuple[FloatArray, FloatArray]

_COARSE_PAIRS = 2048


@dataclass(frozen=True)
class FitStage:
    """One run of the optimiser, for one weight of the regularisation.

    Attributes
    ----------
    segments : int
        The number of geodesics that were sought together.
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

    segments: int
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
    best : ndarray or None
        The unknowns of all geodesics; None while nothing beats the identity.
    axes : ndarray, shape (2, 2)
        The rotation into the axes of the box.
    history : list of FitStage
        What was tried.
    interrupted : bool
        Whether Ctrl-C ended it; `best` then holds the best so far.
    """

    options: FitOptions
    train: Pairs
    held: Pairs
    bar: tqdm
    axes: FloatArray = field(default_factory=lambda: np.eye(2))
    history: list[FitStage] = field(default_factory=list)
    best: FloatArray | None = None
    interrupted: bool = False

    def run(self) -> None:
        """Choose the axes, fit one geodesic, and cut it into as many as are wanted, which are refined together."""
        coarse = self._coarse()
        self.axes = rotation_by(coarse.angle() if self.options.axes is None else self.options.axes)
        one, weights = self._objective(self.train, 1), self.options.regularisation
        self.best = self._descend(one, self._objective(self.held, 1), coarse.start(self.axes), weights)
        segments = self.options.segments
        if segments > 1 and self.best is not None and not self.interrupted:
            pieces = one.cut(self.best, segments)
            objective, check = self._objective(self.train, segments), self._objective(self.held, segments)
            best = min(self.history, key=lambda stage: stage.held_out_cost).regularisation
            self.best = self._descend(objective, check, pieces, tuple(w for w in weights if w <= best))

    def vorticities(self) -> list[FloatArray]:
        """Return the initial vorticities' coefficients of the geodesics."""
        if self.best is None:
            return []
        objective = self._objective(self.train, self.best.size // self.options.modes**2)
        return list(objective.vorticity(self.best))

    @cached_property
    def grid(self) -> Grid:
        """The box."""
        return Grid.from_modes(self.options.modes)

    @cached_property
    def _spread(self) -> float:
        """The unit of the data: how far they are from their mean."""
        return float(np.sqrt(np.mean(np.sum((self.train[1] - self.train[1].mean(axis=0)) ** 2, axis=1)))) or 1.0

    def _coarse(self) -> Coarse:
        z, x = self.train
        some = np.random.default_rng(0).permutation(len(z))[:_COARSE_PAIRS]
        data = (x[some] - x.mean(axis=0)) / self._spread
        return Coarse(z[some], data, self.options.modes, self.options.workers, self.bar)

    def _objective(self, pairs: Pairs, segments: int) -> Objective:
        z, x = (rows @ self.axes.T for rows in pairs)
        steps = -(-self.options.steps // segments)
        return Objective(z, x, self.grid, steps=steps, segments=segments, threads=self.options.workers)

    def _descend(
        self, objective: Objective, check: Objective, start: FloatArray, weights: tuple[float, ...]
    ) -> FloatArray | None:
        """Go through the weights; return the unknowns of the lowest held-out cost, None if the identity's is."""
        theta, tried = start, [np.zeros_like(start), start]
        for weight in weights:
            # the potential of where we are: a better one with every weight, and one for all that are compared
            potential = regressed_potential(objective.moved(theta), objective.x)
            objective, check = replace(objective, potential=potential), replace(check, potential=potential)
            lowest = min(check.cost(other) for other in tried)
            theta, stage = self._minimised(objective, check, theta, weight)
            tried.append(theta)
            self.history.append(stage)
            if stage.held_out_cost >= lowest or self.interrupted:
                break
        return self._chosen(objective, check, tried)

    def _chosen(self, objective: Objective, check: Objective, tried: list[FloatArray]) -> FloatArray | None:
        """Return the unknowns that held-out pairs prefer; enter all costs by the last potential."""
        n = len(tried) - 2
        costs = [check.cost(theta) for theta in tried]
        self.history[-n:] = [
            replace(stage, train_cost=objective.cost(theta), held_out_cost=cost)
            for stage, theta, cost in zip(self.history[-n:], tried[2:], costs[2:], strict=True)
        ]
        best = int(np.argmin(costs))
        return tried[best] if best > 0 else None

    def _minimised(
        self, objective: Objective, check: Objective, theta: FloatArray, weight: float
    ) -> tuple[FloatArray, FitStage]:
        """Run the optimiser for one weight, from `theta`."""
        # several geodesics gain slowly for long, because a little of one can be exchanged for a little of another
        ftol = 1e-5 if objective.segments == 1 else 1e-6
        begun, latest, converged = time.perf_counter(), theta, False
        iterations, unit, origin = 0, self._spread, objective.cost(theta)

        def scaled(theta: FloatArray) -> tuple[float, FloatArray]:
            # the best rearrangement is the same for data of any spread; in their unit, weight and tolerance are too
            value, gradient = objective(theta, weight * unit)
            return (value - origin) / unit, gradient / unit

        def tick(intermediate_result: OptimizeResult) -> None:
            nonlocal latest, iterations
            latest, iterations = intermediate_result.x.copy(), iterations + 1
            self.bar.set_postfix_str(f"cost {intermediate_result.fun * unit + origin:.5f}", refresh=False)
            self.bar.update()

        try:
            found = minimize(
                scaled, theta, jac=True, method="L-BFGS-B", callback=tick,
                options={"maxiter": self.options.max_iterations, "maxcor": 30, "ftol": ftol, "gtol": 1e-7},
            )  # fmt: skip
            latest, converged = found.x, found.status == 0
        except KeyboardInterrupt:
            self.interrupted = True
        costs = objective.cost(latest), check.cost(latest)
        return latest, FitStage(objective.segments, weight, iterations, *costs, converged, time.perf_counter() - begun)
