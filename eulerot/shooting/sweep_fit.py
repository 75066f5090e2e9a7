"""Fit sweeps of geodesics in disjoint planes of rotated axes: one after the other, and then all of them together."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from eulerot._threads import run_tasks
from eulerot._types import FloatArray
from eulerot.euler.grid import Grid
from eulerot.rearrangement.sweep import Sweep
from eulerot.shooting.continuation import Continuation
from eulerot.shooting.joint_objective import JointObjective, Planes
from eulerot.shooting.objective import Objective, field_modes
from eulerot.shooting.options import FitOptions
from eulerot.shooting.pairs import Pairs, spread
from eulerot.shooting.reserve import Reserve
from eulerot.shooting.selection import significant, standard_score
from eulerot.shooting.status import CONVERGED, OUT_OF_SWEEPS, Outcome
from eulerot.shooting.sweep_planes import Candidate, PlanesOfAngles, PlanesOfNormals
from eulerot.shooting.sweep_settings import SweepSettings, sweep_settings

__all__ = ["SweepFit"]

_MOST = 24
# A geodesic has one of so many of the steps, and where its field is too fast for so few at most so many times more:
# where others follow, faster fields are not wanted, and where only so many are to be had they are. Refined together
# they may be faster, lest those that have reached the limit hold up all the others
_SHARE, _FASTER, _FASTER_OF_FEW, _FASTER_TOGETHER = 8, 8, 32, 2
# No more sweeps are added when two in turn each gain less than this share of what all have gained: a single weak one
# may only have had bad axes
_LEAST, _WEAK = 0.006, 2
# Where all are refined together so many pairs for each unknown need no weight but the last, fewer only the first if
# there are more to come
_ENOUGH = 4
# Iterations that the weights share. With a third of a pair for each unknown the later ones still gain (2.33 to 2.29 on
# the digits), with a ninth, in 64 dimensions, nothing
_JOINT_ITERATIONS, _ITERATIONS_OF_FEW, _FEW_PAIRS = 20, 10, 0.2
# More pairs are asked for, so many times as many, as long as they promise to gain so much of the whole; no more than so
# many are drawn, or pairs of so many coordinates
_GROWTH, _PAYS, _MOST_PAIRS, _MOST_COORDINATES = 8, 0.001, 2**16, 2**19
# Of many pairs most are kept in reserve: a fit begins with so many, or so many for each unknown of a geodesic; in many
# dimensions with so many coordinates. As many of the held-out pairs choose
_FEW_DIMENSIONS, _FIRST, _FIRST_EACH = 3, 7168, 12
# A plane is fitted only if held-out costs fall from rest by more than a standard error, and kept only if their gain is
# no matter of chance. Of 400 planes in five problems, those that were kept had fallen by two and more
_PROMISING, _BY_CHANCE = 1.0, 0.2


@dataclass
class SweepFit:
    """Fit sweeps, each to the latents as those before have moved them, and refine all of them together.

    Parameters
    ----------
    options : FitOptions
        The options of the fit.
    train, held : Pairs
        Pairs to fit to, and held-out pairs, their latents already rotated.
    continuation : Continuation
        Runs the optimiser.
    more : callable, optional
        Returns at most so many further pairs to fit to, none if there are no more; asked as long as held-out pairs gain
        from them. By default it has those of `train` that a fit need not begin with, if they are many.

    Attributes
    ----------
    found : list of Planes
        Where the sweeps are that lowered the held-out cost.
    unknowns : list of ndarray
        The unknowns of their geodesics, a row for each.
    outcome : Outcome
        Whether one more sweep would gain little.
    """

    options: FitOptions
    train: Pairs
    held: Pairs
    continuation: Continuation
    more: Callable[[int], Pairs] | None = None
    found: list[Planes] = field(default_factory=list)
    unknowns: list[FloatArray] = field(default_factory=list)
    outcome: Outcome = OUT_OF_SWEEPS

    def fit(self) -> None:
        """Add sweeps until one more lowers the held-out cost by little, and refine them together."""
        if self.more is None and len(self.train[0]) > 2 * self._first:
            self.more, held = Reserve(self.train), Reserve(self.held)
            self.train, self.held = self.more(self._first), held(self._first)
        self._add_sweeps()
        if self.found and not self.continuation.interrupted:
            self._refine()

    def moved(self, pairs: Pairs) -> FloatArray:
        """Return the latents of pairs as all sweeps move them, as far as they are resolved while they are fitted."""
        return self._joint(pairs).moved(np.concatenate(self.unknowns).ravel()) if self.found else pairs[0]

    def sweeps(self) -> list[Sweep]:
        """Return the sweeps, their geodesics in modes and steps of no account."""
        if not self.found:
            return []
        geodesics = self._joint(self.train).delivered(np.concatenate(self.unknowns).ravel())
        return [Sweep(tuple(own), sweep.axes, sweep.planes) for own, sweep in zip(geodesics, self.found, strict=True)]

    def _add_sweeps(self) -> None:
        train, held, total, weak = self.train, self.held, 0.0, 0
        for number in range(1, (self.options.geodesics or _MOST) + 1):
            self.continuation.sweep = number
            sweep, theta, gain = self._fitted(self._choice.axes(number, weak, train), train, held)
            if sweep.planes:
                self.found.append(sweep)
                self.unknowns.append(theta)
                train, held = (self._moved(pairs, sweep, theta) for pairs in (train, held))
            total += gain
            if self.continuation.interrupted:
                break
            weak = weak + 1 if gain <= _LEAST * total else 0
            if weak == _WEAK or (not sweep.planes and self._has_few_pairs):
                self.outcome = CONVERGED
                break

    def _refine(self) -> None:
        """Refine all geodesics together; where more pairs can be had, with more, as long as held-out pairs gain."""
        self.continuation.sweep, total = 0, 0.0
        while True:
            before, total = total, self._refined_together()
            # what a sample costs falls as one over its size: the next pairs gain a share of what the last ones did
            pays = total - before > _GROWTH * _PAYS * total
            more = min(_GROWTH * len(self.train[0]), self._most)
            if self.continuation.interrupted or not pays or not self.ask_for(more):
                return

    def ask_for(self, pairs: int) -> bool:
        """Ask for more pairs to fit to, so many in all, if more can be had; return whether there are more now."""
        (z, x), wanted = self.train, pairs - len(self.train[0])
        if self.more is None or wanted <= 0:
            return False
        more_z, more_x = self.more(wanted)
        self.train = np.concatenate([z, more_z]), np.concatenate([x, more_x])
        return len(more_z) > 0

    def _refined_together(self) -> float:
        """Refine all geodesics for descending weights, as long as held-out costs fall; return how far they are down."""
        objective, held_out, start = self._joint(self.train), self._joint(self.held), np.concatenate(self.unknowns)
        weights, few = self._joint_weights(objective.size), len(self.train[0]) < _FEW_PAIRS * objective.size
        most = (_ITERATIONS_OF_FEW if few else _JOINT_ITERATIONS) // len(weights)
        theta, gains = self.continuation.minimise(
            objective, held_out, start.ravel(), weights, spread(self.train[1]), iterations=most
        )
        if theta is not None:
            ends = np.cumsum([len(sweep.planes) for sweep in self.found])
            self.unknowns = np.split(theta.reshape(start.shape), ends[:-1])
        return float(gains.mean())

    def _joint_weights(self, unknowns: int) -> tuple[float, ...]:
        weights = self.options.regularisation
        if weights is None:
            weights = self._settings.joint_weights
        if len(self.train[0]) >= _ENOUGH * unknowns:
            return weights[-1:]
        return weights if self.more is None else weights[:1]

    @property
    def in_reserve(self) -> int:
        """How many of the pairs that were given were not needed."""
        return self.more.left if isinstance(self.more, Reserve) else 0

    @property
    def _most(self) -> int:
        """The most pairs to refine with: all that were given, or so many that are drawn as take minutes."""
        if isinstance(self.more, Reserve):
            return len(self.train[0]) + self.more.left
        return min(_MOST_PAIRS, _MOST_COORDINATES // self._dim)

    @property
    def _first(self) -> int:
        """How many pairs to begin with, where there are many."""
        if self._dim > _FEW_DIMENSIONS:
            return _MOST_COORDINATES // self._dim
        return max(_FIRST, _FIRST_EACH * self.options.sweep_modes_in(self._dim) ** 2)

    @property
    def _dim(self) -> int:
        return self.train[0].shape[1]

    @property
    def _has_few_pairs(self) -> bool:
        """Whether there are more angles between axes than pairs: then all modes at once find axes of noise."""
        return len(self.train[0]) < self._dim * (self._dim - 1) // 2

    @property
    def _choice(self) -> PlanesOfNormals | PlanesOfAngles:
        """How planes are chosen."""
        if self.options.domain == "torus":
            return PlanesOfAngles()
        return PlanesOfNormals(self.options, self.continuation.journal)

    @property
    def _settings(self) -> SweepSettings:
        return sweep_settings(self._dim)

    def _fitted(self, axes: FloatArray, train: Pairs, held: Pairs) -> tuple[Planes, FloatArray, float]:
        """Return the planes of the axes that lower the held-out cost, their unknowns, and by how much they do."""
        candidates = self._choice.candidates(axes, train, held)
        branches = self.continuation.branches(len(candidates))

        def fitted(candidate: Candidate, branch: Continuation) -> list[tuple[tuple[int, int], FloatArray, FloatArray]]:
            promising = self._settings.every_plane or standard_score(self._choice.promise(candidate)) > _PROMISING
            if not promising or any(each.interrupted for each in branches):
                return []
            return [(candidate.plane, *self._geodesic(candidate.train, candidate.held, branch))]

        tasks = [partial(fitted, *each) for each in zip(candidates, branches, strict=True)]
        tried = list(itertools.chain.from_iterable(run_tasks(tasks, self._side_by_side)))
        self.continuation.join(branches)
        kept = [tried[i] for i in significant([gains for *_, gains in tried], len(axes) // 2, share=_BY_CHANCE)]
        sweep, theta = Planes(axes, tuple(plane for plane, *_ in kept)), np.array([each for _, each, _ in kept])
        return sweep, theta, sum(float(gains.mean()) for *_, gains in kept)

    @property
    def _side_by_side(self) -> int:
        """The threads that fit planes at the same time."""
        return self.continuation.journal.side_by_side(self.options.workers, self.continuation.ranks)

    def _geodesic(self, train: Pairs, held: Pairs, continuation: Continuation) -> tuple[FloatArray, FloatArray]:
        """Return the unknowns of the geodesic of a plane, and how far it lowers the cost of each held-out pair."""
        (unknowns, grid), settings = self._grids(), self._settings
        objective = Objective(
            *train, grid, self._steps, threads=self.options.workers, unknowns=unknowns, cosines=settings.cosines,
            ranks=continuation.ranks, most=self._faster,
        )  # fmt: skip
        held_out = replace(objective, z=held[0], x=held[1])
        start, weights = np.zeros(objective.size), self.options.regularisation or settings.weights_for(len(train[0]))
        theta, gains = continuation.minimise(
            objective, held_out, start, weights, spread(train[1]), iterations=settings.iterations
        )
        return start if theta is None else theta, gains

    def _moved(self, pairs: Pairs, sweep: Planes, theta: FloatArray) -> Pairs:
        """Return pairs with their latents moved by a sweep, as far as it is resolved while it is fitted."""
        return replace(self._joint(pairs), sweeps=(sweep,)).moved(theta.ravel()), pairs[1]

    def _joint(self, pairs: Pairs) -> JointObjective:
        """Return the objective of all sweeps that are found."""
        unknowns, grid = self._grids()
        return JointObjective(
            *pairs, tuple(self.found), grid, unknowns, self._steps, self.options.workers, ranks=self.continuation.ranks,
            most=_FASTER_TOGETHER * self._faster,
        )  # fmt: skip

    def _grids(self) -> tuple[Grid, Grid]:
        """Return the grid whose modes are the unknowns, and that of the field."""
        modes = self.options.sweep_modes_in(self._dim)
        unknowns = Grid.from_modes(modes, domain=self.options.domain)
        return unknowns, unknowns.with_modes(field_modes(modes))

    @property
    def _steps(self) -> int:
        return max(1, self.options.steps // _SHARE)

    @property
    def _faster(self) -> int:
        """How many times as many steps a fast field may have."""
        return _FASTER if self.options.geodesics is None else _FASTER_OF_FEW
