"""Minimise an objective for descending weights of the regularisation, and choose among them by held-out pairs."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from tqdm import tqdm

from eulerot._ranks import ALONE, Ranks
from eulerot._types import FloatArray
from eulerot.shooting.joint_objective import JointObjective
from eulerot.shooting.journal import Journal
from eulerot.shooting.objective import Objective
from eulerot.shooting.pairs import DataUnit

if TYPE_CHECKING:
    from scipy.optimize import OptimizeResult

__all__ = ["Continuation", "FitStage"]

Cost = TypeVar("Cost", Objective, JointObjective)

# How far from the start the first trial is: of forty fits the best first step was 0.003 to 0.03
_FIRST = 1 / 64


@dataclass(frozen=True)
class FitStage:
    """Record one minimisation, for one weight of the regularisation.

    Attributes
    ----------
    geodesics : int
        The number of geodesics that were fitted together.
    regularisation : float
        The weight.
    iterations : int
        Iterations of the optimiser.
    train_cost, held_out_cost : float
        Costs at its end, by equation (12'), which has the expectation of the cost.
    converged : bool
        Whether the optimiser met its tolerance.
    seconds : float
        The time taken.
    sweep : int
        The number of the sweep that it belongs to, counted from 1; 0 in fits without sweeps, and where all sweeps were
        refined together.

    See Also
    --------
    eulerot.fit : Fit a map to pairs.
    eulerot.FitResult : A fitted map, with what was tried.

    Examples
    --------
    >>> from eulerot import fit
    >>> z = np.random.default_rng(0).standard_normal((400, 2))
    >>> result = fit(z, 2 * z[:, ::-1] + np.tanh(z), modes=2, geodesics=1, regularisation=1e-3)
    >>> [stage.regularisation for stage in result.history][-1]
    0.001
    """

    geodesics: int
    regularisation: float
    iterations: int
    train_cost: float
    held_out_cost: float
    converged: bool
    seconds: float
    sweep: int = 0


@dataclass
class Continuation:
    """Minimise for descending weights, each time from the end of the last minimisation, and keep the history.

    Parameters
    ----------
    max_iterations : int
        Iterations for each weight.
    bar : tqdm
        The progress bar, updated at each iteration.
    history : list of FitStage
        The minimisations, in order.
    interrupted : bool
        Whether Ctrl-C ended it.
    sweep : int
        The number of the present sweep, for the history; 0 for all of them.
    journal : Journal
        Runs the optimiser, and keeps what its functions gave.
    data : DataUnit
        The unit of the data, in which the history and the progress bar give costs.
    ranks : Ranks
        The processes that fit together.
    """

    max_iterations: int
    bar: tqdm
    history: list[FitStage] = field(default_factory=list)
    interrupted: bool = False
    sweep: int = 0
    journal: Journal = field(default_factory=Journal)
    data: DataUnit = field(default_factory=lambda: DataUnit(None, 1.0))
    ranks: Ranks = ALONE

    def branches(self, count: int) -> list[Continuation]:
        """Return continuations for what is fitted side by side, each with a history of its own."""
        return [replace(self, history=[]) for _ in range(count)]

    def join(self, branches: list[Continuation]) -> None:
        """Add the histories of branches, in their order; interrupted if one of them was."""
        for branch in branches:
            self.history += branch.history
            self.interrupted |= branch.interrupted

    def minimise(
        self,
        objective: Cost,
        held_out: Cost,
        start: FloatArray,
        weights: tuple[float, ...],
        unit: float,
        *,
        iterations: int | None = None,
    ) -> tuple[FloatArray | None, FloatArray]:
        """Minimise for each weight in turn, from the end of the last one, until the held-out cost no longer falls.

        Parameters
        ----------
        objective, held_out : Objective
            The objective of the pairs to fit to, and that of the held-out pairs.
        start : ndarray
            The unknowns to start from.
        weights : tuple of float
            The weights, in descending order.
        unit : float
            The unit of the data, see `spread`.
        iterations : int, optional
            Iterations for each weight, if these are fewer than `max_iterations`.

        Returns
        -------
        theta : ndarray or None
            The unknowns of the lowest held-out cost; None if no cost is below the identity's.
        gains : ndarray, shape (held-out pairs,)
            How far the cost of each held-out pair is below the identity's for the best unknowns other than zero. Where
            `theta` is None their mean is not positive.
        """
        most = min(self.max_iterations, iterations or self.max_iterations)
        theta, tried = start, [np.zeros_like(start), start][: 1 + start.any()]
        first = len(tried)
        for weight in weights:
            # the potential of where we are: a better one with every weight, and one for all that are compared
            potential = objective.estimated_potential(theta)
            objective, held_out = replace(objective, potential=potential), replace(held_out, potential=potential)
            # the start does not count: found with a weight of its own, it may be far better than the first weight is
            lowest = min((held_out.cost(other) for other in tried[first:]), default=np.inf)
            theta, stage = self._minimised(objective, held_out, theta, weight, unit, most)
            tried.append(theta)
            self.history.append(stage)
            if stage.held_out_cost >= lowest or self.interrupted:
                break
        return self._chosen(objective, held_out, tried, len(tried) - first)

    def _chosen(
        self, objective: Cost, held_out: Cost, tried: list[FloatArray], n: int
    ) -> tuple[FloatArray | None, FloatArray]:
        """Return the unknowns of the lowest held-out cost; rewrite `n` stages of the history by the last potential."""
        pairs = [held_out.costs(theta) for theta in tried]
        costs = [float(np.mean(each)) for each in pairs]
        self.history[-n:] = [
            replace(
                stage,
                train_cost=self.data.cost(objective.cost(theta), objective.x),
                held_out_cost=self.data.cost(cost, held_out.x),
            )
            for stage, theta, cost in zip(self.history[-n:], tried[-n:], costs[-n:], strict=True)
        ]
        best = 1 + int(np.argmin(costs[1:]))
        return (tried[best] if costs[best] < costs[0] else None), pairs[0] - pairs[best]

    def _minimised(
        self, objective: Cost, held_out: Cost, theta: FloatArray, weight: float, unit: float, most: int
    ) -> tuple[FloatArray, FitStage]:
        """Minimise for one weight, from `theta`."""
        # several geodesics gain slowly for long, because a little of one can be exchanged for a little of another
        ftol = 1e-5 if objective.geodesics == 1 else 1e-7
        begun, latest, converged = time.perf_counter(), theta, False
        iterations, origin = 0, objective.cost(theta)

        def scaled(theta: FloatArray) -> tuple[float, FloatArray]:
            # the best rearrangement is the same for data of any spread; in their unit, weight and tolerance are too
            value, gradient = objective(theta, weight * unit)
            return (value - origin) / unit, gradient / unit

        def tick(intermediate_result: OptimizeResult) -> None:
            nonlocal latest, iterations
            self.ranks.agree("iteration")  # all count it, or none
            latest, iterations = intermediate_result.x.copy(), iterations + 1
            cost = self.data.cost(intermediate_result.fun * unit + origin, objective.x)
            self.bar.set_postfix_str(f"cost {cost:.5f}", refresh=False)
            self.bar.update()

        try:
            found = self.journal.minimise(
                scaled, theta, first=_FIRST, callback=tick, maxiter=most, maxcor=30, ftol=ftol, gtol=1e-7
            )
            latest, converged = found.x, found.status == 0
        except KeyboardInterrupt as interrupt:
            self.ranks.tell(interrupt)
            self.interrupted = True
        costs = math.nan, held_out.cost(latest)  # `_chosen` gives both by the last potential
        seconds = time.perf_counter() - begun
        return latest, FitStage(objective.geodesics, weight, iterations, *costs, converged, seconds, self.sweep)
