"""Compute the cost of sweeps one after another as a function of all their fields at once, and its exact gradient."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TypeAlias, TypeVar

import numpy as np

from eulerot._linear_algebra import product
from eulerot._ranks import ALONE, Ranks
from eulerot._threads import run_tasks
from eulerot._types import FloatArray
from eulerot.euler.geodesic import Geodesic
from eulerot.euler.grid import Grid
from eulerot.euler.trajectory import Ahead, Trajectory
from eulerot.latent.chart import from_chart, log_density, to_chart
from eulerot.shooting.objective import Objective, angle_costs, penalised
from eulerot.shooting.polynomial_potential import PolynomialPotential, polynomial_potential
from eulerot.shooting.potential import Potential, half_square, regressed_potential

__all__ = ["JointObjective", "Planes"]

T = TypeVar("T")
_Begun: TypeAlias = tuple[Trajectory, np.ndarray, Ahead | None]
_Record: TypeAlias = tuple[Trajectory, list, FloatArray, FloatArray]


@dataclass(frozen=True)
class Planes:
    """The axes of a sweep, and the planes of them that have a geodesic.

    Parameters
    ----------
    axes : ndarray, shape (d, d)
        The rotation into the axes.
    planes : tuple of (int, int)
        The coordinates of each plane, which have none in common.
    """

    axes: FloatArray
    planes: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class JointObjective:
    """Evaluate ``J = cost + lam sum R(w0)`` over pairs, with the sum over the geodesics of all sweeps; equation (12').

    Parameters
    ----------
    z, x : ndarray, shape (n, d)
        Latents, already rotated, and their images.
    sweeps : tuple of Planes
        Where the geodesics are.
    grid, unknowns : Grid
        The grid of the fields of all geodesics as they move, and that whose modes are the unknowns.
    steps : int
        Steps of each geodesic; up to `most` times as many where a field is too fast for them.
    threads : int
        Threads over particles.
    potential : Potential
        ``phi`` of equation (12'); by default ``|y|^2 / 2``.
    ranks : Ranks
        The processes that share the pairs, all of which are given to each. Results do not depend on them.
    most : int
        See `steps`.
    """

    z: FloatArray
    x: FloatArray
    sweeps: tuple[Planes, ...]
    grid: Grid
    unknowns: Grid
    steps: int = 4
    threads: int = 1
    potential: Potential | PolynomialPotential | None = None
    ranks: Ranks = ALONE
    most: int = 8

    @cached_property
    def _one(self) -> Objective:
        """The objective of a single geodesic, without pairs: its unknowns and its steps."""
        nothing = np.empty((0, 2))
        return Objective(
            nothing, nothing, self.grid, self.steps, threads=self.threads, unknowns=self.unknowns, ranks=self.ranks,
            most=self.most,
        )  # fmt: skip

    @property
    def geodesics(self) -> int:
        """The number of geodesics."""
        return sum(len(sweep.planes) for sweep in self.sweeps)

    @property
    def size(self) -> int:
        """The number of unknowns."""
        return self.geodesics * self._one.size

    @cached_property
    def stiffness(self) -> FloatArray:
        """The weights of the regularisation, ``R = 1/2 stiffness . theta^2``."""
        return np.tile(self._one.stiffness, self.geodesics)

    def delivered(self, theta: FloatArray) -> list[list[Geodesic]]:
        """Return the geodesics of each sweep, with the default time scheme of `Geodesic`."""
        return [[self._one.delivered(each)[0] for each in own] for own in self._by_sweep(theta)]

    def estimated_potential(self, theta: FloatArray) -> Potential | PolynomialPotential | None:
        """Return the potential of (12') for the map of `theta`, in many dimensions of polynomials; none of angles."""
        if not self.grid.walls:
            return None
        latents = self.moved(theta)
        if latents.shape[1] <= 3:
            return regressed_potential(latents, self.x, threads=self.threads)
        return polynomial_potential(latents, self.x, threads=self.threads)

    def moved(self, theta: FloatArray) -> FloatArray:
        """Return the latents as all sweeps have moved them."""
        y = self.z
        for sweep, own in self._begun(theta):
            rotated = self._product(y, sweep.axes.T)
            ends = self._in_planes(self._advanced, [rotated[:, plane] for plane in sweep.planes], own)
            for plane, end in zip(sweep.planes, ends, strict=True):
                rotated[:, plane] = end
            y = self._product(rotated, sweep.axes)
        return y

    def cost(self, theta: FloatArray) -> float:
        """Return the cost without the regularisation."""
        return float(np.mean(self.costs(theta)))

    def costs(self, theta: FloatArray) -> FloatArray:
        """Return the cost of each pair without the regularisation, shape ``(n,)``; their mean is `cost`."""
        return self._pair_costs(self.moved(theta))[0]

    def __call__(self, theta: FloatArray, regularisation: float) -> tuple[float, FloatArray]:
        """Return ``J`` and its gradient with respect to `theta`."""
        return penalised(self._cost_and_gradient, theta, regularisation * self.stiffness)

    def _cost_and_gradient(self, theta: FloatArray) -> tuple[float, FloatArray]:
        y, recorded = self.z, []
        for sweep, own in self._begun(theta):
            rotated = self._product(y, sweep.axes.T)
            records = self._in_planes(self._recorded, [rotated[:, plane] for plane in sweep.planes], own)
            for plane, (*_, after) in zip(sweep.planes, records, strict=True):
                rotated[:, plane] = after
            y = self._product(rotated, sweep.axes)
            recorded.append(records)
        each, slopes = self._pair_costs(y)
        return float(np.mean(each)), self._pulled_back(slopes * (2.0 / len(y)), recorded)

    def _pulled_back(self, multiplier: FloatArray, recorded: list[list[_Record]]) -> FloatArray:
        """Return the derivative by the unknowns, given that by the moved latents; equation (11), sweep by sweep."""
        gradients = []
        for sweep, records in zip(reversed(self.sweeps), reversed(recorded), strict=True):
            rotated = self._product(multiplier, sweep.axes.T)
            pulled = self._in_planes(self._pulled, [rotated[:, plane] for plane in sweep.planes], records)
            for plane, (_, by_latents) in zip(sweep.planes, pulled, strict=True):
                rotated[:, plane] = by_latents
            gradients += [gradient for gradient, _ in reversed(pulled)]
            multiplier = self._product(rotated, sweep.axes)
        return np.concatenate(self._in_planes(_called, gradients[::-1]))

    def _in_planes(self, function: Callable[..., T], *arguments: Iterable) -> list[T]:
        """Call a function for each plane of a sweep, side by side: they have no coordinate in common.

        Or for planes of all sweeps, where particles have no part in it. Processes that share the pairs wait for each
        other, in one order.
        """
        tasks = [partial(function, *each) for each in zip(*arguments, strict=True)]
        return run_tasks(tasks, self.threads if self.ranks.size == 1 else 1)

    def _begun(self, theta: FloatArray) -> Iterator[tuple[Planes, list[_Begun]]]:
        """Yield each sweep, and of its planes what can be computed without latents: of all sweeps side by side."""
        begun = iter(self._in_planes(self._ahead, itertools.chain.from_iterable(self._by_sweep(theta))))
        for sweep in self.sweeps:
            yield sweep, list(itertools.islice(begun, len(sweep.planes)))

    def _ahead(self, theta: FloatArray) -> _Begun:
        """Return the trajectory of a plane, its field at the start, and all that follows from these."""
        trajectory, field = self._one.trajectory(theta)
        return trajectory, field, trajectory.ahead(field, len(self.z))

    def _advanced(self, latents: FloatArray, begun: _Begun) -> FloatArray:
        """Return latents of a plane as its geodesic has moved them."""
        trajectory, field, ahead = begun
        advection = trajectory.advection(field)[1] if ahead is None else ahead[2]
        return self._from_chart(advection.advance(self._to_chart(latents)))

    def _recorded(self, latents: FloatArray, begun: _Begun) -> _Record:
        """Return what `_pulled` needs of the way of latents of a plane, their ends last."""
        trajectory, field, ahead = begun
        _, advanced, tape = trajectory.recorded(field, self._to_chart(latents), ahead)
        return trajectory, tape, latents, self._from_chart(advanced)

    def _pulled(self, by_ends: FloatArray, record: _Record) -> tuple[Callable[[], FloatArray], FloatArray]:
        """Return the derivative by the unknowns of a plane, yet to be computed, and that by its latents."""
        trajectory, tape, before, after = record
        if self.grid.walls:
            by_ends = by_ends * np.exp(-log_density(after))
        by_field, by_latents = trajectory.pulled(tape, None, by_ends)
        if self.grid.walls:
            by_latents = by_latents * np.exp(log_density(before))
        return lambda: self._one.gradient(by_field()), by_latents

    def _to_chart(self, latents: FloatArray) -> FloatArray:
        return to_chart(latents, self.grid.domain)

    def _from_chart(self, phases: FloatArray) -> FloatArray:
        return from_chart(phases, self.grid.domain)

    def _pair_costs(self, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the cost of each pair and half its derivative by the moved latents."""
        if not self.grid.walls:
            return angle_costs(y, self.x)
        return (self.potential or half_square(self.z.shape[1])).pair_costs(y, self.x)

    def _product(self, a: FloatArray, b: FloatArray) -> FloatArray:
        return product(a, b, threads=self.threads)

    def _by_sweep(self, theta: FloatArray) -> list[FloatArray]:
        """Return the unknowns of each sweep, a row for each of its geodesics."""
        ends = np.cumsum([len(sweep.planes) for sweep in self.sweeps])
        return np.split(theta.reshape(self.geodesics, -1), ends[:-1])


def _called(function: Callable[[], T]) -> T:
    return function()
