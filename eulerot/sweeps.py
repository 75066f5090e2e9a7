"""More than three dimensions: sweeps of geodesics in disjoint planes of turned axes, one after the other."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from eulerot._types import FloatArray
from eulerot.coordinates import to_box
from eulerot.descent import Descent, Pairs, spread
from eulerot.euler.geodesic import Geodesic
from eulerot.euler.grid import Grid
from eulerot.objective import Objective
from eulerot.options import FitOptions
from eulerot.planes import Slope, best_axes
from eulerot.potential import regressed_potential
from eulerot.rearrangement import Sweep
from eulerot.source import normal_points

__all__ = ["SweepSearch"]

_MOST = 24
_AXES_PAIRS = 2048
# Sweeps end when one lowers the held-out cost by less than this share of what all have lowered it by
_LEAST = 0.01
# Above this dimension the regression on other coordinates has no products of two of them
_MANY = 16


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
        unit = np.eye(y.shape[1], dtype=int)
        powers = np.concatenate([0 * unit[:1], unit, 2 * unit, 3 * unit])
        if len(unit) <= _MANY:
            first, second = np.triu_indices(len(unit), 1)
            powers = np.concatenate([powers, unit[first] + unit[second]])
        design = _hermite(y, powers)
        gram = np.einsum("ni,nj->ij", design, design) / len(y) + 1e-3 * np.eye(len(powers))
        return cls(powers, np.linalg.solve(gram, np.einsum("ni,nj->ij", design, x) / len(y)))

    def without(self, y: FloatArray, x: FloatArray, plane: tuple[int, int]) -> FloatArray:
        """Return the data of a plane without what they owe to the other coordinates."""
        foreign = np.delete(self.powers, plane, axis=1).any(axis=1)
        owed = np.einsum("np,pi->ni", _hermite(y, self.powers[foreign]), self.coefficients[np.ix_(foreign, plane)])
        return x[:, plane] - owed


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

    Attributes
    ----------
    descent : Descent
        What was tried.
    found : list of Sweep
        The sweeps that lowered the held-out cost.
    """

    options: FitOptions
    train: Pairs
    held: Pairs
    descent: Descent
    found: list[Sweep] = field(default_factory=list)

    def run(self) -> None:
        """Add sweeps until held-out pairs gain little from one more."""
        train, held, total = self.train, self.held, 0.0
        self.descent.potential = partial(regressed_potential, m=8)
        for number in range(1, (self.options.sweeps or _MOST) + 1):
            self.descent.sweep = number
            sweep, gain = self._fitted(self._axes(train), train, held)
            if sweep is None:
                break
            self.found.append(sweep)
            total += gain
            train, held = ((sweep.forward(latents), data) for latents, data in (train, held))
            if self.descent.interrupted or gain < _LEAST * total:
                break

    def sweeps(self) -> list[Sweep]:
        """Return the sweeps."""
        return self.found

    def _axes(self, train: Pairs) -> FloatArray:
        """Return the axes whose first planes promise most, by some of the pairs."""
        z, x = train
        some = np.random.default_rng(0).permutation(len(z))[:_AXES_PAIRS]
        return best_axes(Slope(z[some], _curl_part(z, x)[some]), np.eye(z.shape[1]))[0]

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
        grid, workers = Grid.from_modes(self.options.modes_in(len(self.train[0].T))), self.options.workers
        objective = Objective(*train, grid, steps=self.options.steps, threads=workers)
        check = replace(objective, z=held[0], x=held[1])
        theta, gain = self.descent.through(
            objective, check, np.zeros(objective.size), self.options.regularisation, spread(train[1])
        )
        if theta is None:
            return None, 0.0
        (geodesic,) = objective.geodesics(theta)
        return geodesic.refined(to_box(normal_points(256, 2)), tolerance=1e-6), gain
