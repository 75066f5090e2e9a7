"""Fit one geodesic, of a box in the plane or in space or of two angles: choose the axes of the box, then shoot."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from eulerot._types import FloatArray
from eulerot.euler.grid import Grid
from eulerot.rearrangement.sweep import Sweep
from eulerot.shooting.continuation import Continuation
from eulerot.shooting.initial_guess import InitialGuess
from eulerot.shooting.objective import Objective, field_modes
from eulerot.shooting.options import FitOptions
from eulerot.shooting.pairs import Pairs, spread
from eulerot.shooting.status import CONVERGED, OUT_OF_ITERATIONS, Outcome

__all__ = ["GeodesicFit"]

_COARSE_PAIRS = 2048
_WEIGHTS = (1e-4, 1e-5)
# So many pairs for each unknown need no weight but the last
_MANY = 16
# In space less brings little, and the modes that the Euler equations then ask for are out of reach
_SPACE_WEIGHTS = (1e-3,)


@dataclass
class GeodesicFit:
    """Fit one geodesic of a box in the plane or in space, or of the torus, where it may be cut into several.

    Parameters
    ----------
    options : FitOptions
        The options of the fit.
    train, held : Pairs
        Pairs to fit to, and held-out pairs, their latents already rotated or shifted.
    continuation : Continuation
        Runs the optimiser. If Ctrl-C ends it, `best` holds the best so far.

    Attributes
    ----------
    best : ndarray or None
        The unknowns of all geodesics; None while nothing beats the identity.
    axes : ndarray, shape (d, d)
        The rotation into the axes of the box.
    """

    options: FitOptions
    train: Pairs
    held: Pairs
    continuation: Continuation
    axes: FloatArray = field(init=False)
    best: FloatArray | None = None

    def __post_init__(self) -> None:
        self.axes = np.eye(self._dim)

    def fit(self) -> None:
        """Choose the axes and fit one geodesic; on the torus, cut it into as many as are wanted, refined together."""
        minimise, unit = self.continuation.minimise, self._spread
        start = self._initial_guess()
        one = self._objective(self.train, 1)
        weights = self.options.regularisation or self._weights(one.size)
        self.best, _ = minimise(one, self._objective(self.held, 1), start, weights, unit)
        several = self.options.geodesics or 1
        if several > 1 and self.best is not None and not self.continuation.interrupted:
            pieces = one.cut(self.best, several)
            objective, held_out = self._objective(self.train, several), self._objective(self.held, several)
            best = min(self.continuation.history, key=lambda stage: stage.held_out_cost).regularisation
            self.best, _ = minimise(objective, held_out, pieces, tuple(w for w in weights if w <= best), unit)

    def _weights(self, unknowns: int) -> tuple[float, ...]:
        if self._dim == 3:
            return _SPACE_WEIGHTS
        return _WEIGHTS[-1:] if len(self.train[0]) >= _MANY * unknowns else _WEIGHTS

    @property
    def outcome(self) -> Outcome:
        """How the last minimisation ended."""
        return CONVERGED if self.continuation.history[-1].converged else OUT_OF_ITERATIONS

    def sweeps(self) -> list[Sweep]:
        """Return the geodesics as sweeps, in modes and steps of no account."""
        if self.best is None:
            return []
        one = self._objective(self.train, 1)
        objective = replace(one, geodesics=self.best.size // one.size)
        return [Sweep((geodesic,), self.axes) for geodesic in objective.delivered(self.best)]

    @property
    def _dim(self) -> int:
        return self.train[0].shape[1]

    @cached_property
    def unknowns(self) -> Grid:
        """The grid whose modes are the unknowns."""
        return Grid.from_modes(self.options.modes_in(self._dim), dim=self._dim, domain=self.options.domain)

    @cached_property
    def grid(self) -> Grid:
        """The grid of the field while it is fitted, in the box or on the torus."""
        return self.unknowns.with_modes(field_modes(self.options.modes_in(self._dim)))

    @cached_property
    def _spread(self) -> float:
        return spread(self.train[1])

    def _initial_guess(self) -> FloatArray:
        """Choose the axes, and return the unknowns to start from."""
        if self.options.domain == "torus":
            return np.zeros(self._objective(self.train, 1).size)
        guess = self._coarse_fits()
        self.axes = guess.axes() if self.options.axes is None else self.options.rotation
        return guess.unknowns(self.axes)

    def _coarse_fits(self) -> InitialGuess:
        z, x = self.train
        some = np.random.default_rng(0).permutation(len(z))[:_COARSE_PAIRS]
        data = (x[some] - x.mean(axis=0)) / self._spread
        modes, continuation = self.options.modes_in(self._dim), self.continuation
        return InitialGuess(
            z[some], data, modes, self.options.workers, continuation.bar, continuation.journal, continuation.ranks
        )

    def _objective(self, pairs: Pairs, geodesics: int) -> Objective:
        z, x = (rows @ self.axes.T for rows in pairs)
        steps = -(-self.options.steps // geodesics)
        return Objective(
            z, x, self.grid, steps=steps, geodesics=geodesics, threads=self.options.workers, unknowns=self.unknowns,
            ranks=self.continuation.ranks,
        )  # fmt: skip
