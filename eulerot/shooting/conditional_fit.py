"""Fit conditional sweeps to pairs whose latents a map has moved already: all together, on random batches."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from eulerot._types import FloatArray
from eulerot.rearrangement.conditional import NO_GEODESIC, ConditionalSweep
from eulerot.shooting.conditional_training import Layout, adam_step, first_sweeps, mean_gradient
from eulerot.shooting.continuation import Continuation, FitStage
from eulerot.shooting.options import FitOptions
from eulerot.shooting.pairs import Pairs
from eulerot.shooting.polynomial_potential import PolynomialPotential, polynomial_potential
from eulerot.shooting.selection import standard_score
from eulerot.shooting.status import Outcome

__all__ = ["FEWEST_DIMENSIONS", "ConditionalFit", "enough_pairs", "with_conditional", "without_conditional"]

# Two coordinates to move, and two to look at
FEWEST_DIMENSIONS = 4
# Of all, the sweeps, the share of the coordinates that the planes of a sweep have, and how its stream functions depend
# on the others; validation/fits/conditional.md says what others give
_SWEEPS, _MOVED, _HIDDEN, _MODES, _STEPS = 32, 0.4, 64, 4, 1
# Adam's steps, what each sees, and how long it is at first; no pair is seen more often than so many times
_BATCH, _MOST_STEPS, _MOST_VISITS, _RATE, _WARM_UP = 256, 3072, 32, 6e-3, 20
# The weight of the enstrophy: fewer pairs overfit at once with what many can do with
_PENALTY, _PENALTY_OF_FEW, _MANY = 1e-3, 3e-2, 2**14
# How often held-out pairs are looked at on the way, after how many looks without a gain it ends, and of how many pairs
# the potential of (12') is estimated each time
_LOOKS, _PATIENCE, _REGRESSED = 16, 4, 2**14
# They overfit with few pairs: so many are asked for, or pairs of so many coordinates
_ENOUGH_PAIRS, _ENOUGH_COORDINATES = 2**17, 2**21
# What held-out pairs gain must be so many standard errors, or nothing is kept
_PROVEN = 2.0


def enough_pairs(dim: int) -> int:
    """Return how many pairs to ask for, where more can be had: training takes no longer with them.

    Examples
    --------
    >>> enough_pairs(10)
    131072
    """
    return min(_ENOUGH_PAIRS, _ENOUGH_COORDINATES // dim)


@dataclass
class ConditionalFit:
    """Fit conditional sweeps, which come after a map of geodesics; equation (28).

    Parameters
    ----------
    options : FitOptions
        The options of the fit.
    train, held : Pairs
        Pairs to fit to, and held-out pairs, their latents as the map has moved them.
    continuation : Continuation
        Keeps the history, the progress bar and the journal.

    Attributes
    ----------
    potential : PolynomialPotential
        That of (12') by which the sweeps were chosen.
    end : ndarray, shape (m, d)
        Held-out latents, after the sweeps.
    """

    options: FitOptions
    train: Pairs
    held: Pairs
    continuation: Continuation
    potential: PolynomialPotential = field(init=False)
    end: FloatArray = field(init=False)

    def fit(self) -> tuple[ConditionalSweep, ...]:
        """Return the sweeps of the lowest held-out cost; none if they gain nothing that is beyond chance."""
        begun, states, ends = time.perf_counter(), [self._start()], [self.held[0]]
        best, waited = np.inf, 0
        try:
            for look in range(_LOOKS):
                cost, state = self._next(look, states[-1])
                states.append(state)
                ends.append(self._moved(state, self.held[0]))
                best, waited = (cost, 0) if cost < best else (best, waited + 1)
                if waited == _PATIENCE:
                    break
        except KeyboardInterrupt:
            self.continuation.interrupted = True
        potential = self._potential(states[-1])
        # all by one potential: which of them is best must not hang on how well each is estimated
        costs = [potential.pair_costs(end, self.held[1])[0] for end in ends]
        chosen = int(np.argmin([each.mean() for each in costs]))
        gains = costs[0] - costs[chosen]
        self._record(potential, states, costs, time.perf_counter() - begun)
        self.potential, self.end = potential, ends[chosen]
        return tuple(self._sweeps(states[chosen])) if standard_score(gains) >= _PROVEN else ()

    def is_better(self, other: FloatArray) -> bool:
        """Return whether held-out pairs cost less than with their latents at `other`, beyond chance."""
        costs = [self.potential.pair_costs(end, self.held[1])[0] for end in (other, self.end)]
        return standard_score(costs[0] - costs[1]) >= _PROVEN

    @property
    def has_many_pairs(self) -> bool:
        """Whether there are so many pairs to fit to that these planes overfit but little."""
        return len(self.train[0]) >= _MANY

    def _start(self) -> FloatArray:
        first = self._layout.vector(first_sweeps(self._layout, _SWEEPS, np.random.default_rng(0)))
        return np.concatenate([first, np.zeros(2 * len(first))])

    @property
    def _layout(self) -> Layout:
        dim = self.train[0].shape[1]
        return Layout(dim, max(1, int(_MOVED * dim) // 2), _HIDDEN, _MODES, _STEPS)

    @property
    def _steps(self) -> int:
        """The number of Adam's steps from one look to the next."""
        return max(1, min(_MOST_STEPS, _MOST_VISITS * len(self.train[0]) // self._batch) // _LOOKS)

    @property
    def _penalty(self) -> float:
        return _PENALTY if self.has_many_pairs else _PENALTY_OF_FEW

    @property
    def _batch(self) -> int:
        return min(_BATCH, len(self.train[0]))

    def _next(self, look: int, state: FloatArray) -> tuple[float, FloatArray]:
        """Return the held-out cost at the next look, and the state there; from the journal if it has them."""
        return self.continuation.journal.value(lambda given: self._trained(look, given), state)

    def _trained(self, look: int, state: FloatArray) -> tuple[float, FloatArray]:
        """Take the steps of one round from a state; return the held-out cost and the state after it."""
        potential, after, (z, x) = self._potential(state), state.copy(), self.train
        rng, total = np.random.default_rng([1, look]), _LOOKS * self._steps
        chosen = rng.permuted(np.tile(np.arange(len(z)), -(-self._steps * self._batch // len(z))))
        for n in range(self._steps):
            rows = chosen[n * self._batch : (n + 1) * self._batch]
            number = look * self._steps + n
            rate = _RATE * min(1.0, (number + 1) / _WARM_UP) * 0.5 * (1.0 + np.cos(np.pi * number / total))
            parameters = after.reshape(3, -1)
            gradient = mean_gradient(
                self._layout, parameters[0], (z[rows], x[rows]), potential, self._penalty, threads=self.options.workers
            )
            adam_step(self._layout, parameters, gradient, number + 1, rate)
            self.continuation.bar.update()
        return float(np.mean(potential.pair_costs(self._moved(after, self.held[0]), self.held[1])[0])), after

    def _potential(self, state: FloatArray) -> PolynomialPotential:
        latents = self._moved(state, self.train[0][:_REGRESSED])
        return polynomial_potential(latents, self.train[1][:_REGRESSED], threads=self.options.workers)

    def _moved(self, state: FloatArray, latents: FloatArray) -> FloatArray:
        for sweep in self._sweeps(state):
            latents = sweep.forward(latents)
        return latents

    def _sweeps(self, state: FloatArray) -> list[ConditionalSweep]:
        return self._layout.sweeps(state.reshape(3, -1)[0], threads=self.options.workers)

    def _record(
        self, potential: PolynomialPotential, states: list[FloatArray], costs: list[FloatArray], seconds: float
    ) -> None:
        """Add a line to the history."""
        (z, x), data = (rows[:_REGRESSED] for rows in self.train), self.continuation.data
        train = float(np.mean(potential.pair_costs(self._moved(states[-1], z), x)[0]))
        self.continuation.history.append(
            FitStage(
                geodesics=0,
                regularisation=self._penalty,
                iterations=(len(states) - 1) * self._steps,
                train_cost=data.cost(train, x),
                held_out_cost=data.cost(float(costs[-1].mean()), self.held[1]),
                converged=len(states) == _LOOKS + 1,
                seconds=seconds,
            )
        )


def without_conditional(before: Outcome) -> Outcome:
    """Return how a fit ended whose conditional planes gained nothing."""
    words = "Conditional planes did not lower the held-out cost beyond chance; the map has none."
    return Outcome(before.status, f"{before.message} {words}")


def with_conditional(before: Outcome, sweeps: Sequence[ConditionalSweep], *, after_geodesics: bool) -> Outcome:
    """Return how a fit ended whose map has conditional planes, after its geodesics or in place of them."""
    planes, stalled = sum(len(sweep.planes) for sweep in sweeps), before.status == "stalled"
    place = "after" if after_geodesics else "in place of"
    words = (
        f"{planes} conditional planes in {len(sweeps)} sweeps, {place} geodesics, lower the held-out cost further: "
        f"{NO_GEODESIC}, and the map has no certificate."
    )
    # that no geodesic was kept says nothing where these planes are in their place
    return Outcome("converged" if stalled else before.status, words if stalled else f"{before.message} {words}")
