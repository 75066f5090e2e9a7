"""Choose the planes of a sweep, and what a geodesic of each is fitted to: of normal latents, and of angles."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from eulerot._linear_algebra import product
from eulerot._types import FloatArray
from eulerot.latent.circle import shortest
from eulerot.rearrangement.rotations import plane_rotation
from eulerot.shooting.journal import Journal
from eulerot.shooting.options import FitOptions
from eulerot.shooting.pairs import Pairs
from eulerot.shooting.regression import OtherCoordinates, curl_part
from eulerot.shooting.sweep_axes import Slope, best_axes
from eulerot.shooting.torus_slope import TorusSlope

__all__ = ["Candidate", "PlanesOfAngles", "PlanesOfNormals"]

# Axes are found with one mode first: one mode overfits far less, and its axes are near those of more. After a weak
# sweep they are found from the latent space's own axes, with all modes at once. In many dimensions one mode climbs for
# long: of 60, 200 iterations it reached 0.26, 0.70 of the planted slope in 128 dimensions, with no overfitting
_MODES = ((1, 4), (4,))
_FIRST_ASCENT, _ASCENT = 60, 30
# In the plane there is nothing to find: the box is turned by these shares of a right angle, again and again. Halfway
# between its walls are the corners of the box before, where one geodesic leaves most of its error
_TURNS = (0.0, 0.5, 0.0, 0.25, 0.75)


@dataclass(frozen=True)
class Candidate:
    """A plane of the axes of a sweep, and pairs of its coordinates: to fit to, and held out."""

    plane: tuple[int, int]
    train: Pairs
    held: Pairs


@dataclass(frozen=True)
class PlanesOfNormals:
    """Find rotated axes of normal latents in whose planes the cost falls fastest; equation (18).

    Parameters
    ----------
    options : FitOptions
        The options of the fit.
    journal : Journal
        Runs the optimiser.
    """

    options: FitOptions
    journal: Journal

    def axes(self, number: int, weak: int, train: Pairs) -> FloatArray:
        """Return the axes of a sweep, given its number from 1 on and how many weak ones came right before it."""
        dim, threads = train[0].shape[1], self.options.workers
        if dim == 2:
            turn = 0.5 * math.pi * _TURNS[(number - 1) % len(_TURNS)]
            return plane_rotation(turn) @ self.options.rotation
        data, axes = curl_part(*train, threads=threads), np.eye(dim)
        for count in _MODES[weak]:
            slope = Slope(train[0], data, count, threads=threads)
            iterations = min(max(_FIRST_ASCENT, 2 * dim), 200) if count == 1 else _ASCENT
            axes = best_axes(slope, axes, iterations=iterations, journal=self.journal)[0]
        return axes

    def candidates(self, axes: FloatArray, train: Pairs, held: Pairs) -> list[Candidate]:
        """Return the planes of the axes, the data of each without what other coordinates have a part in."""
        threads, dim = self.options.workers, len(axes)
        (y, x), (y_held, x_held) = (
            [product(rows, axes.T, threads=threads) for rows in pairs] for pairs in (train, held)
        )
        if dim == 2:
            return [Candidate((0, 1), (y, x), (y_held, x_held))]
        others = OtherCoordinates.of(y, x, threads=threads)
        known, known_held = others.predicted(y), others.predicted(y_held)
        return [
            Candidate(
                plane,
                (y[:, plane], others.without(y, x, plane, known)),
                (y_held[:, plane], others.without(y_held, x_held, plane, known_held)),
            )
            for plane in ((i, i + 1) for i in range(0, dim - 1, 2))
        ]

    @staticmethod
    def promise(candidate: Candidate) -> FloatArray:
        """Return for each held-out pair how fast its cost falls from rest, by the slope of the pairs to fit to."""
        return Slope(*candidate.train).along_steepest(*candidate.held)


@dataclass(frozen=True)
class PlanesOfAngles:
    """Match angles two by two, first those in whose plane the cost falls fastest.

    On the torus, axes can only be permuted: other rotations do not map it to itself.
    """

    @staticmethod
    def axes(number: int, weak: int, train: Pairs) -> FloatArray:
        """Return the axes of a sweep: the angles themselves."""
        return np.eye(train[0].shape[1])

    @staticmethod
    def candidates(axes: FloatArray, train: Pairs, held: Pairs) -> list[Candidate]:
        """Return disjoint planes, the steepest first, and then the steepest of those that are left."""
        y, x = train
        slope = TorusSlope(y, shortest(x - y, "torus"))
        steepness = {(i, j): slope.squared(i, j) for i in range(len(axes)) for j in range(i)}
        found: list[Candidate] = []
        while steepness:
            plane = max(steepness, key=lambda each: steepness[each])
            steepness = {each: value for each, value in steepness.items() if not {*each} & {*plane}}
            ascending = plane[::-1]
            of_train, of_held = ((latents[:, ascending], data[:, ascending]) for latents, data in (train, held))
            found.append(Candidate(ascending, of_train, of_held))
        return found

    @staticmethod
    def promise(candidate: Candidate) -> FloatArray:
        """Return for each held-out pair how fast its cost falls from rest, by the slope of the pairs to fit to."""
        (y, x), (y_held, x_held) = candidate.train, candidate.held
        slope = TorusSlope(y, shortest(x - y, "torus"))
        return slope.along_steepest(y_held, shortest(x_held - y_held, "torus"))
