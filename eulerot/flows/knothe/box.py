"""Find the box that holds the mass of a density, by doubling and cropping."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from eulerot._types import FloatArray
from eulerot.errors import FlowError

__all__ = ["DensityBox", "density_box"]

SHELL = 1e-6  # mass allowed between the box and its double
TRIMMED = 1e-8  # mass that cropping may leave outside on each side of an axis
MASS_TOLERANCE = 1e-2
DOUBLINGS = 12
LOWEST = 1e3  # log densities are cut so far below the largest


Density: TypeAlias = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class DensityBox:
    """A log density at the nodes of a box.

    Attributes
    ----------
    axes : tuple of ndarray
        The nodes of each coordinate, evenly spaced.
    values : ndarray
        The log density at the nodes, very small where the density is zero.
    outside : float
        The share of the mass left outside.
    """

    axes: tuple[FloatArray, ...]
    values: FloatArray
    outside: float

    @property
    def mass(self) -> float:
        """The mass by the trapezoidal rule, spectrally accurate for a smooth density that vanishes at the edges."""
        cell = np.prod([axis[1] - axis[0] for axis in self.axes])
        largest = self.values.max()
        return float(np.exp(self.values - largest).sum() * np.exp(largest) * cell)

    def refined(self, density: Density, points: int) -> DensityBox:
        """Return the same box with another number of nodes an axis."""
        axes = _axes([axis[0] for axis in self.axes], [axis[-1] for axis in self.axes], points)
        return DensityBox(axes, _on_grid(density, axes), self.outside)


def density_box(density: Density, middle: FloatArray, half: FloatArray, points: int, *, unit_mass: bool) -> DensityBox:
    """Return a box that holds all but 1e-6 of the mass of a density, no larger than needed.

    The box ``middle +- half`` is doubled until the shell between it and its double holds less than 1e-6 of the mass
    and, where `unit_mass` is claimed, the whole of it is one: a shell alone may be empty though a mode lies beyond it.

    Raises
    ------
    FlowError
        If no box up to 4096 times the first one will do, with the mass.
    """
    masses = []
    for _ in range(DOUBLINGS):
        wide = _axes(middle - 2 * half, middle + 2 * half, points)
        values = _on_grid(density, wide)
        shares = _shares(values)
        for k, axis in enumerate(wide):
            outside = np.abs(axis - middle[k]) > half[k]
            shares = shares * np.where(outside, 0.0, 1.0).reshape([-1 if i == k else 1 for i in range(len(wide))])
        shell = max(0.0, 1.0 - float(shares.sum()))
        if shell < SHELL:
            box = _cropped(density, DensityBox(wide, values, shell))
            masses.append(box.mass)
            if not unit_mass or abs(box.mass - 1) < MASS_TOLERANCE:
                return box
        half = 2 * half
    mass = max(masses, default=DensityBox(wide, values, shell).mass)
    raise FlowError(
        f"log_prob: expected a density of mass one; got {mass:.4g} on a box that was doubled {DOUBLINGS} times. "
        "Pass center= and scale= near its bulk or more points=, or normalised=False for a density without its constant."
    )


def _axes(low: Sequence[float] | FloatArray, high: Sequence[float] | FloatArray, points: int) -> tuple[FloatArray, ...]:
    return tuple(np.linspace(a, b, points) for a, b in zip(low, high, strict=True))


def _on_grid(density: Density, axes: tuple[FloatArray, ...]) -> FloatArray:
    """Evaluate the log density at all nodes; where the density is zero a very small value stands for it."""
    nodes = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    values = np.asarray(density(nodes.reshape(-1, len(axes))), dtype=float)
    if values.shape != (nodes[..., 0].size,):
        raise FlowError(f"log_prob: expected shape ({nodes[..., 0].size},) for that many rows; got {values.shape}.")
    if np.isnan(values).any() or np.isposinf(values).any() or np.isneginf(values).all():
        raise FlowError(
            f"log_prob: expected numbers, minus infinity where the density is zero; got {np.isnan(values).sum()} NaN "
            f"and {np.isposinf(values).sum()} infinities at {len(values)} nodes."
        )
    return np.maximum(values, values.max() - LOWEST).reshape(nodes.shape[:-1])


def _shares(values: FloatArray) -> FloatArray:
    """Return the share of the mass at each node."""
    weights = np.exp(values - values.max())
    return weights / weights.sum()


def _cropped(density: Density, box: DensityBox) -> DensityBox:
    """Return the density on a smaller box that still holds its mass, with a margin of two cells."""
    for _ in range(3):
        low, high, size = [], [], []
        points, shares = len(box.axes[0]), _shares(box.values)
        for k, axis in enumerate(box.axes):
            below = np.cumsum(shares.sum(axis=tuple(i for i in range(len(box.axes)) if i != k)))
            first, last = np.searchsorted(below, TRIMMED), np.searchsorted(below, 1 - TRIMMED)
            low.append(axis[max(first - 2, 0)])
            high.append(axis[min(last + 2, points - 1)])
            size.append((high[-1] - low[-1]) / (axis[-1] - axis[0]))
        if min(size) > 0.8:
            break
        axes = _axes(low, high, points)
        box = DensityBox(axes, _on_grid(density, axes), box.outside)
    return box
