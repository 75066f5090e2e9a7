"""Fit sweeps of geodesics in disjoint planes of rotated axes, one after the other, each to what the last one left."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from eulerot._linear_algebra import product
from eulerot._types import FloatArray
from eulerot.euler.geodesic import Geodesic
from eulerot.euler.grid import Grid
from eulerot.latent.chart import to_box
from eulerot.latent.source import normal_points
from eulerot.rearrangement.delivery import in_enough_modes, refined_in_latents
from eulerot.rearrangement.rotations import plane_rotation
from eulerot.rearrangement.sweep import Sweep
from eulerot.shooting.continuation import Continuation
from eulerot.shooting.objective import Objective, field_modes
from eulerot.shooting.options import FitOptions
from eulerot.shooting.pairs import Pairs, spread
from eulerot.shooting.potential import regressed_potential
from eulerot.shooting.regression import OtherCoordinates, curl_part
from eulerot.shooting.selection import significant, standard_score
from eulerot.shooting.status import CONVERGED, OUT_OF_SWEEPS, Outcome
from eulerot.shooting.sweep_axes import Slope, best_axes

__all__ = ["SweepFit"]

_MOST = 24
# The fit ends when two sweeps in turn each gain less than a hundredth of what all have gained: a single weak one may
# only have had bad axes
_LEAST, _WEAK = 0.01, 2
# Axes are found with one mode first: one mode overfits far less, and its axes are near those of more. After a weak
# sweep they are found from the latent space's own axes, with all modes at once. In many dimensions one mode climbs for
# long: of 60, 200 iterations it reached 0.26, 0.70 of the planted slope in 128 dimensions, with no overfitting
_MODES = ((1, 4), (4,))
_ASCENT = 60
# In the plane there is nothing to find: the box is turned by these shares of a right angle, again and again. Halfway
# between its walls are the corners of the box before, where one geodesic leaves most of its error
_TURNS = (0.0, 0.5, 0.0, 0.25, 0.75)
# A sweep need not be exact, because another follows: few iterations, few steps; in many dimensions few cosines, and one
# weight. In the plane and in space held-out pairs choose it; but not for the first geodesic, which moves far, and which
# the Euler equations would take too many modes to follow: what it leaves is small, and the others can be rough
_ITERATIONS, _COSINES = 8, 8
_WEIGHTS = (3e-3,)
_FEW_DIMENSIONS, _FEW_ITERATIONS = 3, 12
_FIRST_WEIGHTS, _LATER_WEIGHTS = (1e-4,), (1e-3, 1e-4, 1e-5)
# Fewer pairs overfit with a weight that many can do with at once
_MANY, _WEIGHTS_OF_FEW = 4096, (1e-2, 1e-3, 1e-4)
# A plane is fitted only if held-out costs fall from rest by more than a standard error, and kept only if their gain is
# no matter of chance. Of 400 planes in five problems, those that were kept had fallen by two and more
_PROMISING, _BY_CHANCE = 1.0, 0.2


@dataclass
class SweepFit:
    """Fit sweeps, each to the latents as the last one has moved them.

    Parameters
    ----------
    options : FitOptions
        The options of the fit.
    train, held : Pairs
        Pairs to fit to, and held-out pairs, their latents already rotated.
    continuation : Continuation
        Runs the optimiser.

    Attributes
    ----------
    found : list of Sweep
        The sweeps that lowered the held-out cost.
    outcome : Outcome
        Whether one more sweep would gain little.
    """

    options: FitOptions
    train: Pairs
    held: Pairs
    continuation: Continuation
    found: list[Sweep] = field(default_factory=list)
    outcome: Outcome = OUT_OF_SWEEPS

    def __post_init__(self) -> None:
        most = _FEW_ITERATIONS if self._few else _ITERATIONS
        self.continuation.max_iterations = min(self.continuation.max_iterations, most)
        if not self._few:
            self.continuation.potential = partial(regressed_potential, m=_COSINES)

    def fit(self) -> None:
        """Add sweeps until one more lowers the held-out cost by little."""
        train, held, total, weak = self.train, self.held, 0.0, 0
        for number in range(1, (self.options.geodesics or _MOST) + 1):
            self.continuation.sweep = number
            sweep, gain = self._fitted(self._axes(number, train, _MODES[weak]), train, held)
            if sweep is not None:
                self.found.append(sweep)
                train, held = ((sweep.forward(latents), data) for latents, data in (train, held))
            total += gain
            if self.continuation.interrupted:
                break
            weak = weak + 1 if gain <= _LEAST * total else 0
            if weak == _WEAK or (sweep is None and self._has_few_pairs):
                self.outcome = CONVERGED
                break

    def sweeps(self) -> list[Sweep]:
        """Return the sweeps."""
        return self.found

    @property
    def _dim(self) -> int:
        return self.train[0].shape[1]

    @property
    def _has_few_pairs(self) -> bool:
        """Whether there are more angles between axes than pairs: then all modes at once find axes of noise."""
        return len(self.train[0]) < self._dim * (self._dim - 1) // 2

    @property
    def _few(self) -> bool:
        """Whether this is the plane or space, where every plane is worth trying."""
        return self._dim <= _FEW_DIMENSIONS

    def _axes(self, number: int, train: Pairs, modes: tuple[int, ...]) -> FloatArray:
        """Return the axes of a sweep: those in whose planes the cost falls fastest, or in the plane the next ones."""
        if self._dim == 2:
            turn = 0.5 * math.pi * _TURNS[(number - 1) % len(_TURNS)]
            return plane_rotation((self.options.axes or 0.0) + turn)
        (z, x), threads = train, self.options.workers
        data, axes = curl_part(z, x, threads=threads), np.eye(z.shape[1])
        for count in modes:
            slope = Slope(z, data, count, threads=threads)
            iterations = min(max(_ASCENT, 2 * len(axes)), 200) if count == 1 else _ASCENT
            axes = best_axes(slope, axes, iterations=iterations, journal=self.continuation.journal)[0]
        return axes

    def _fitted(self, axes: FloatArray, train: Pairs, held: Pairs) -> tuple[Sweep | None, float]:
        """Return a sweep of those planes of the axes that lower the held-out cost, and by how much they do."""
        tried: list[tuple[tuple[int, int], Geodesic, FloatArray]] = []
        for plane, pairs, judges in self._in_planes(axes, train, held):
            if self._few or standard_score(Slope(*pairs).along_steepest(*judges)) > _PROMISING:
                tried.append((plane, *self._geodesic(pairs, judges)))
            if self.continuation.interrupted:
                break
        kept = [tried[i] for i in significant([gains for *_, gains in tried], len(axes) // 2, share=_BY_CHANCE)]
        if not kept:
            return None, 0.0
        # the next sweep has to see nearly what this one will do; all are refined further at the end
        phases = to_box(normal_points(256, 2))
        full = [in_enough_modes(geodesic) for _, geodesic, _ in kept]
        geodesics = tuple(refined_in_latents(geodesic, phases, tolerance=1e-6) for geodesic in full)
        return Sweep(geodesics, axes, tuple(plane for plane, *_ in kept)), sum(float(g.mean()) for *_, g in kept)

    @property
    def _weights(self) -> tuple[float, ...]:
        if not self._few:
            return _WEIGHTS
        if self.found:
            return _LATER_WEIGHTS
        return _FIRST_WEIGHTS if len(self.train[0]) >= _MANY else _WEIGHTS_OF_FEW

    def _in_planes(self, axes: FloatArray, *samples: Pairs) -> Iterator[tuple[tuple[int, int], Pairs, Pairs]]:
        """Yield each plane of the axes with its pairs to fit to and its held-out pairs."""
        threads = self.options.workers
        train, held = ([product(rows, axes.T, threads=threads) for rows in pairs] for pairs in samples)
        others = OtherCoordinates.of(*train, threads=threads)
        predicted = [others.predicted(y) for y, _ in (train, held)]
        for i in range(0, len(axes) - 1, 2):
            plane = (i, i + 1)
            of_train, of_held = (
                (y[:, plane], others.without(y, x, plane, known))
                for (y, x), known in zip((train, held), predicted, strict=True)
            )
            yield plane, of_train, of_held

    def _geodesic(self, train: Pairs, held: Pairs) -> tuple[Geodesic, FloatArray]:
        """Return the geodesic of a plane, and how far it lowers the cost of each held-out pair."""
        options = self.options
        modes, steps = options.sweep_modes_in(self._dim), max(1, options.steps // 2)
        unknowns = Grid.from_modes(modes)
        grid = unknowns.with_modes(field_modes(modes))
        objective = Objective(*train, grid, steps=steps, threads=options.workers, unknowns=unknowns)
        held_out = replace(objective, z=held[0], x=held[1])
        start, weights = np.zeros(objective.size), options.regularisation or self._weights
        theta, gains = self.continuation.minimise(objective, held_out, start, weights, spread(train[1]))
        (geodesic,) = objective.delivered(start if theta is None else theta)
        return geodesic, gains
