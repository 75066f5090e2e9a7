"""More than three dimensions: sweeps of geodesics in disjoint planes of turned axes, one after the other."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from eulerot._types import FloatArray
from eulerot.box import Sweep
from eulerot.coordinates import to_box
from eulerot.delivery import refined_in_latents
from eulerot.descent import Descent, Pairs, spread
from eulerot.euler.geodesic import Geodesic
from eulerot.euler.grid import Grid
from eulerot.objective import Objective
from eulerot.options import FitOptions
from eulerot.planes import Slope, best_axes
from eulerot.potential import regressed_potential
from eulerot.source import normal_points

__all__ = ["SweepSearch"]

_MOST = 24
# Sweeps end when so many in turn lower the held-out cost by less than this share of what all have lowered it by: one
# may only have had unlucky axes
_LEAST, _WEAK = 0.01, 2
# A sweep need not be exact, because another follows: short runs of the optimiser, few steps, few cosines
_ITERATIONS = 8
_COSINES = 8
# The regression on other coordinates has one polynomial for so many pairs at most
_PAIRS_A_POLYNOMIAL = 16
_RIDGE = 0.05


@dataclass(frozen=True)
class _Others:
    """What the data of a plane owe to the other coordinates, by least squares on Hermite polynomials.

    ``E[x_1, x_2 | y_1, y_2]`` is all that a geodesic of the plane can use. A polynomial with a factor that depends on
    another coordinate has conditional mean zero, so that it is noise to the plane, and can be taken away.

    Parameters
    ----------
    powers : ndarray, shape (p, d)
        The degree of each polynomial in each coordinate, no more than three in all.
    coefficients : ndarray, shape (p, d)
        What the data owe to each.
    """

    powers: NDArray[np.int64]
    coefficients: FloatArray

    @classmethod
    def of(cls, y: FloatArray, x: FloatArray) -> _Others:
        """Return the regression of `x` on `y`."""
        powers = _powers(y.shape[1], len(y) // _PAIRS_A_POLYNOMIAL)
        design = _hermite(y, powers)
        gram = np.einsum("ni,nj->ij", design, design) / len(y) + _RIDGE * np.eye(len(powers))
        return cls(powers, np.linalg.solve(gram, np.einsum("ni,nj->ij", design, x) / len(y)))

    def without(self, y: FloatArray, x: FloatArray, plane: tuple[int, int]) -> FloatArray:
        """Return the data of a plane without what they owe to the other coordinates."""
        foreign = np.delete(self.powers, plane, axis=1).any(axis=1)
        owed = np.einsum("np,pi->ni", _hermite(y, self.powers[foreign]), self.coefficients[foreign][:, plane])
        return x[:, plane] - owed


def _powers(dim: int, most: int) -> NDArray[np.int64]:
    """Return the degrees of polynomials in `dim` coordinates: all up to the third if there are no more than `most`.

    Else those of one coordinate, with all products of two if they are few enough.
    """
    unit = np.eye(dim, dtype=int)
    alone = np.concatenate([degree * unit for degree in (1, 2, 3)])
    for degree in (3, 2):
        mixed = [
            powers
            for total in range(2, degree + 1)
            for factors in itertools.combinations_with_replacement(range(dim), total)
            if np.count_nonzero(powers := unit[list(factors)].sum(axis=0)) > 1
        ]
        if mixed and len(alone) + len(mixed) <= most:
            return np.concatenate([alone, mixed])
    return alone


def _hermite(y: FloatArray, powers: NDArray[np.int64]) -> FloatArray:
    """Return products of Hermite polynomials, orthonormal under the standard normal, shape ``(n, p)``."""
    table = np.stack([np.ones_like(y), y, (y**2 - 1) / np.sqrt(2), (y**3 - 3 * y) / np.sqrt(6)])
    result = np.ones((len(y), len(powers)))
    for axis, degrees in enumerate(powers.T):
        used = np.flatnonzero(degrees)
        result[:, used] *= table[degrees[used], :, axis].T
    return result


def _curl_part(y: FloatArray, x: FloatArray) -> FloatArray:
    """Return data less the gradient of their quadratic potential: the same slope (18) in expectation, less noise."""
    centred = x - x.mean(axis=0)
    moments = np.einsum("ni,nj->ij", centred, y) / len(y)
    return centred - y @ (0.5 * (moments + moments.T))


@dataclass
class SweepSearch:
    """Sweeps, each fitted to the latents that the last one moved.

    Parameters
    ----------
    options : FitOptions
        The options of the fit.
    train, held : Pairs
        Pairs to fit to, and held-out pairs, their latents already rotated.
    descent : Descent
        Runs the optimiser.

    Attributes
    ----------
    found : list of Sweep
        The sweeps that lowered the held-out cost.
    converged : bool
        Whether one more would gain little.
    """

    # how the message of a fit begins that was not done
    exhausted: ClassVar[str] = "All sweeps were used, and the last one still gained; more"

    options: FitOptions
    train: Pairs
    held: Pairs
    descent: Descent
    found: list[Sweep] = field(default_factory=list)
    converged: bool = False

    def __post_init__(self) -> None:
        self.descent.potential = partial(regressed_potential, m=_COSINES)
        self.descent.max_iterations = min(self.descent.max_iterations, _ITERATIONS)

    def run(self) -> None:
        """Add sweeps until held-out pairs gain little from one more."""
        train, held, total, weak = self.train, self.held, 0.0, 0
        for number in range(1, (self.options.sweeps or _MOST) + 1):
            self.descent.sweep = number
            sweep, gain = self._fitted(self._axes(train), train, held)
            if sweep is not None:
                self.found.append(sweep)
                train, held = ((sweep.forward(latents), data) for latents, data in (train, held))
            total += gain
            if self.descent.interrupted:
                break
            weak = weak + 1 if gain <= _LEAST * total else 0
            if weak == _WEAK:
                self.converged = True
                break

    def sweeps(self) -> list[Sweep]:
        """Return the sweeps."""
        return self.found

    def _axes(self, train: Pairs) -> FloatArray:
        """Return the axes whose first planes promise most."""
        z, x = train
        slope = Slope(z, _curl_part(z, x), threads=self.options.workers)
        return best_axes(slope, np.eye(z.shape[1]), journal=self.descent.journal)[0]

    def _fitted(self, axes: FloatArray, train: Pairs, held: Pairs) -> tuple[Sweep | None, float]:
        """Return a sweep in these axes, without the planes that held-out pairs do not gain from, and the gain."""
        (z, x), (z_held, x_held) = ((latents @ axes.T, data @ axes.T) for latents, data in (train, held))
        others = _Others.of(z, x)
        geodesics, planes, total = [], [], 0.0
        for i in range(0, len(axes) - 1, 2):
            plane = (i, i + 1)
            pairs = [(y[:, plane], others.without(y, data, plane)) for y, data in ((z, x), (z_held, x_held))]
            geodesic, gain = self._geodesic(*pairs)
            if geodesic is not None:
                geodesics.append(geodesic)
                planes.append(plane)
                total += gain
            if self.descent.interrupted:
                break
        return (Sweep(tuple(geodesics), axes, tuple(planes)) if planes else None), total

    def _geodesic(self, train: Pairs, held: Pairs) -> tuple[Geodesic | None, float]:
        """Return the geodesic of a plane, None if held-out pairs do not gain, and how much they gain."""
        options = self.options
        grid, steps = Grid.from_modes(options.sweep_modes), max(1, options.steps // 2)
        objective = Objective(*train, grid, steps=steps, threads=options.workers)
        held_out = replace(objective, z=held[0], x=held[1])
        start, weights = np.zeros(objective.size), options.regularisation or (1e-4,)
        theta, gain = self.descent.through(objective, held_out, start, weights, spread(train[1]))
        if theta is None:
            return None, 0.0
        (geodesic,) = objective.geodesics(theta)
        # the next sweep has to see nearly what this one will do; all are refined further at the end
        return refined_in_latents(geodesic, to_box(normal_points(256, 2)), tolerance=1e-6), gain
