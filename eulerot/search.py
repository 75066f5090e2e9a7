"""The search in plane and space: axes, continuation in the regularisation, and then more geodesics than one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar

import numpy as np

from eulerot._types import FloatArray
from eulerot.box import Sweep
from eulerot.coarse import Coarse, rotation_by
from eulerot.descent import Descent, Pairs, spread
from eulerot.euler.grid import Grid
from eulerot.objective import Objective
from eulerot.options import FitOptions

__all__ = ["Search"]

_COARSE_PAIRS = 2048
_WEIGHTS = (1e-4, 1e-5)


@dataclass
class Search:
    """What has been tried so far, and the best of it.

    Parameters
    ----------
    options : FitOptions
        The options of the fit.
    train, held : Pairs
        Pairs to fit to, and held-out pairs, their latents already rotated or shifted.
    descent : Descent
        Runs the optimiser. If Ctrl-C ends it, `best` holds the best so far.

    Attributes
    ----------
    best : ndarray or None
        The unknowns of all geodesics; None while nothing beats the identity.
    axes : ndarray, shape (d, d)
        The rotation into the axes of the box; in space they are left alone.
    """

    # how the message of a fit begins that was not done
    exhausted: ClassVar[str] = "The last weight used all its iterations; more"

    options: FitOptions
    train: Pairs
    held: Pairs
    descent: Descent
    axes: FloatArray = field(init=False)
    best: FloatArray | None = None

    def __post_init__(self) -> None:
        self.axes = np.eye(self._dim)

    def run(self) -> None:
        """Choose the axes, fit one geodesic, and cut it into as many as are wanted, which are refined together."""
        through, unit = self.descent.through, self._spread
        start = self._coarse_start()
        one, weights = self._objective(self.train, 1), self.options.regularisation or _WEIGHTS
        self.best, _ = through(one, self._objective(self.held, 1), start, weights, unit)
        segments = self.options.segments
        if segments > 1 and self.best is not None and not self.descent.interrupted:
            pieces = one.cut(self.best, segments)
            objective, held_out = self._objective(self.train, segments), self._objective(self.held, segments)
            best = min(self.descent.history, key=lambda stage: stage.held_out_cost).regularisation
            self.best, _ = through(objective, held_out, pieces, tuple(w for w in weights if w <= best), unit)

    @property
    def converged(self) -> bool:
        """Whether the optimiser met its tolerance at last."""
        return self.descent.history[-1].converged

    def sweeps(self) -> list[Sweep]:
        """Return the geodesics, in as few steps as the fit took."""
        if self.best is None:
            return []
        one = self._objective(self.train, 1)
        objective = replace(one, segments=self.best.size // one.size)
        return [Sweep((geodesic,), self.axes) for geodesic in objective.geodesics(self.best)]

    @property
    def _dim(self) -> int:
        return self.train[0].shape[1]

    @cached_property
    def grid(self) -> Grid:
        """The box."""
        return Grid.from_modes(self.options.modes_in(self._dim), dim=self._dim, domain=self.options.domain)

    @cached_property
    def _spread(self) -> float:
        return spread(self.train[1])

    def _coarse_start(self) -> FloatArray:
        """Choose the axes, and return the unknowns to start from."""
        if self.options.domain == "torus":
            return np.zeros(self._objective(self.train, 1).size)
        coarse = self._coarse()
        if self._dim == 2:
            self.axes = rotation_by(coarse.angle() if self.options.axes is None else self.options.axes)
        return coarse.start(self.axes)

    def _coarse(self) -> Coarse:
        z, x = self.train
        some = np.random.default_rng(0).permutation(len(z))[:_COARSE_PAIRS]
        data = (x[some] - x.mean(axis=0)) / self._spread
        modes, descent = self.options.modes_in(self._dim), self.descent
        return Coarse(z[some], data, modes, self.options.workers, descent.bar, descent.journal)

    def _objective(self, pairs: Pairs, segments: int) -> Objective:
        z, x = (rows @ self.axes.T for rows in pairs)
        steps = -(-self.options.steps // segments)
        return Objective(z, x, self.grid, steps=steps, segments=segments, threads=self.options.workers)
