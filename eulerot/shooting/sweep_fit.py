"""Fit in more than three dimensions: sweeps of geodesics in disjoint planes of rotated axes, one after the other."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from eulerot._types import FloatArray
from eulerot.euler.geodesic import Geodesic
from eulerot.euler.grid import Grid
from eulerot.latent.chart import to_box
from eulerot.latent.source import normal_points
from eulerot.rearrangement.delivery import refined_in_latents
from eulerot.rearrangement.sweep import Sweep
from eulerot.shooting.continuation import Continuation
from eulerot.shooting.objective import Objective
from eulerot.shooting.options import FitOptions
from eulerot.shooting.pairs import Pairs, spread
from eulerot.shooting.potential import regressed_potential
from eulerot.shooting.regression import OtherCoordinates, curl_part
from eulerot.shooting.status import CONVERGED, OUT_OF_SWEEPS, Outcome
from eulerot.shooting.sweep_axes import Slope, best_axes

__all__ = ["SweepFit"]

_MOST = 24
# The fit ends when two sweeps in turn each gain less than a hundredth of what all have gained: a single weak one may
# only have had bad axes
_LEAST, _WEAK = 0.01, 2
# A sweep need not be exact, because another follows: few iterations, few steps, few cosines
_ITERATIONS = 8
_COSINES = 8


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
        self.continuation.potential = partial(regressed_potential, m=_COSINES)
        self.continuation.max_iterations = min(self.continuation.max_iterations, _ITERATIONS)

    def fit(self) -> None:
        """Add sweeps until one more lowers the held-out cost by little."""
        train, held, total, weak = self.train, self.held, 0.0, 0
        for number in range(1, (self.options.geodesics or _MOST) + 1):
            self.continuation.sweep = number
            sweep, gain = self._fitted(self._axes(train), train, held)
            if sweep is not None:
                self.found.append(sweep)
                train, held = ((sweep.forward(latents), data) for latents, data in (train, held))
            total += gain
            if self.continuation.interrupted:
                break
            weak = weak + 1 if gain <= _LEAST * total else 0
            if weak == _WEAK:
                self.outcome = CONVERGED
                break

    def sweeps(self) -> list[Sweep]:
        """Return the sweeps."""
        return self.found

    def _axes(self, train: Pairs) -> FloatArray:
        """Return axes in whose planes the cost falls fastest."""
        z, x = train
        slope = Slope(z, curl_part(z, x), threads=self.options.workers)
        return best_axes(slope, np.eye(z.shape[1]), journal=self.continuation.journal)[0]

    def _fitted(self, axes: FloatArray, train: Pairs, held: Pairs) -> tuple[Sweep | None, float]:
        """Return a sweep of those planes of the axes that lower the held-out cost, and by how much they do."""
        (z, x), (z_held, x_held) = ((latents @ axes.T, data @ axes.T) for latents, data in (train, held))
        others = OtherCoordinates.of(z, x)
        geodesics, planes, total = [], [], 0.0
        for i in range(0, len(axes) - 1, 2):
            plane = (i, i + 1)
            pairs = [(y[:, plane], others.without(y, data, plane)) for y, data in ((z, x), (z_held, x_held))]
            geodesic, gain = self._geodesic(*pairs)
            if geodesic is not None:
                geodesics.append(geodesic)
                planes.append(plane)
                total += gain
            if self.continuation.interrupted:
                break
        return (Sweep(tuple(geodesics), axes, tuple(planes)) if planes else None), total

    def _geodesic(self, train: Pairs, held: Pairs) -> tuple[Geodesic | None, float]:
        """Return the geodesic of a plane, None if it does not lower the held-out cost, and by how much it does."""
        options = self.options
        grid, steps = Grid.from_modes(options.sweep_modes), max(1, options.steps // 2)
        objective = Objective(*train, grid, steps=steps, threads=options.workers)
        held_out = replace(objective, z=held[0], x=held[1])
        start, weights = np.zeros(objective.size), options.regularisation or (1e-4,)
        theta, gain = self.continuation.minimise(objective, held_out, start, weights, spread(train[1]))
        if theta is None:
            return None, 0.0
        (geodesic,) = objective.delivered(theta)
        # the next sweep has to see nearly what this one will do; all are refined further at the end
        return refined_in_latents(geodesic, to_box(normal_points(256, 2)), tolerance=1e-6), gain
