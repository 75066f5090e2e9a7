"""Measure how much of an input no solution on a grid has: modes beyond the truncation, a mean, a divergence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy

from eulerot._types import FloatArray
from eulerot.errors import ResolutionError
from eulerot.euler.equations import Equation
from eulerot.euler.grid import Grid
from eulerot.euler.transforms.pointwise import Parity

__all__ = ["Dropped", "check_dropped", "dropped_shares"]

# What is dropped, and what to do about it
_CAUSES = {
    "beyond": ("in modes beyond {modes}", "Raise points (now {points}), or smooth the field."),
    "mean": ("in a mean", "Subtract the mean."),
    "divergence": ("in a divergence", "Pass a field without divergence, a velocity that does not cross the walls."),
}


class Dropped(NamedTuple):
    """Shares of an input that the equations drop, by their causes.

    The first three are shares of ``mean |values|^2``: of the enstrophy if the input is a vorticity, of the energy if it
    is a velocity. The last one is a share of the enstrophy in either case.
    """

    beyond: float
    mean: float
    divergence: float
    enstrophy_beyond: float


def check_dropped(equation: Equation, values: FloatArray, quantity: str, limit: float) -> None:
    """Raise an error if the equation would drop more of an input than a share `limit` of its energy or enstrophy.

    Parameters
    ----------
    equation : Equation
        The equation, with its grid.
    values : ndarray
        The input at the grid points.
    quantity : {"vorticity", "velocity"}
        What the input is.
    limit : float
        The largest share that may be dropped.

    Raises
    ------
    ResolutionError
        With the shares by their causes.
    """
    shares, grid = dropped_shares(equation, values, quantity), equation.grid
    *causes, beyond = shares
    if sum(causes) > limit:
        measure = "enstrophy" if quantity == "vorticity" else "energy"
        found = {name: share for name, share in zip(_CAUSES, causes, strict=True) if share > 1e-3 * sum(causes)}
    elif beyond > limit:
        measure, found = "enstrophy", {"beyond": beyond}
    else:
        return
    words = [f"{share:.2g} {_CAUSES[name][0]}".format(modes=grid.modes) for name, share in found.items()]
    advice = " ".join(_CAUSES[name][1].format(points=grid.points) for name in found)
    raise ResolutionError(
        f"field0: expected at most {limit:g} of the {measure} of this {quantity} to be dropped by the grid; got "
        f"{' and '.join(words)}. {advice} Or set tail_limit=None to go on without it."
    )


def dropped_shares(equation: Equation, values: FloatArray, quantity: str) -> Dropped:
    """Return the shares of an input that the equation drops.

    Examples
    --------
    >>> from eulerot.euler.equations import VorticityEquation
    >>> grid = Grid((32, 32))
    >>> x, y = grid.mesh()
    >>> shares = dropped_shares(VorticityEquation(grid), np.cos(3 * x + y) + np.cos(12 * x), "vorticity")
    >>> [round(share, 12) for share in shares]
    [0.5, 0.0, 0.0, 0.5]
    """
    grid = equation.grid
    spectrum = _Spectrum.of(values, _parities(equation, quantity), grid)
    square, along, total = spectrum.square, spectrum.along, float(np.sum(spectrum.square))
    if total == 0:
        return Dropped(0.0, 0.0, 0.0, 0.0)
    beyond, origin = ~spectrum.kept, (0,) * grid.dim
    velocity = quantity == "velocity"
    drops_mean = not (velocity and grid.dim == 3)  # a mean velocity in space stays as it is
    solenoidal = (square - along) * (spectrum.laplacian if velocity else 1.0)
    enstrophy = float(np.sum(solenoidal))
    return Dropped(
        float(np.sum(square[beyond])) / total,
        float(square[origin]) / total if drops_mean else 0.0,
        float(np.sum(along[~beyond])) / total,
        float(np.sum(solenoidal[beyond])) / enstrophy if enstrophy > 0 else 0.0,
    )


def _parities(equation: Equation, quantity: str) -> Sequence[Parity]:
    return equation.vorticity_parities if quantity == "vorticity" else equation.velocity_parities


@dataclass(frozen=True)
class _Spectrum:
    """Mean squares of a field by modes, all that the points resolve: in all, and in the direction of the wavevector."""

    square: FloatArray
    along: FloatArray
    laplacian: FloatArray
    kept: np.ndarray

    @classmethod
    def of(cls, values: FloatArray, parities: Sequence[Parity], grid: Grid) -> _Spectrum:
        """Return the spectrum of grid values of one or more components."""
        numbers = [_mode_numbers(grid, axis) for axis in range(grid.dim)]
        k = np.meshgrid(*(scale * n for scale, n in zip(grid.scales, numbers, strict=True)), indexing="ij", sparse=True)
        inside = [np.abs(n) <= last for n, last in zip(numbers, grid.modes, strict=True)]
        kept = np.logical_and.reduce(np.meshgrid(*inside, indexing="ij"))
        laplacian = sum((each**2 for each in k), start=np.zeros(kept.shape))
        square, divergence = np.zeros(kept.shape), np.zeros(kept.shape, grid.dtype_hat)
        components = values.reshape(-1, *grid.points)
        for i, (component, parity) in enumerate(zip(components, parities, strict=True)):
            spectrum = _orthonormal(component, parity, grid)
            square += np.abs(spectrum) ** 2
            if len(components) > 1:
                divergence += k[i] * spectrum  # of each parity it is one series, whose signs do not matter
        along = np.divide(np.abs(divergence) ** 2, laplacian, out=np.zeros_like(square), where=laplacian > 0)
        return cls(square, along, laplacian, kept)


def _mode_numbers(grid: Grid, axis: int) -> FloatArray:
    n = grid.points[axis]
    if grid.walls:
        return np.arange(n + 1.0)
    return np.arange(n // 2 + 1.0) if axis == grid.dim - 1 else scipy.fft.fftfreq(n, 1.0 / n)


def _orthonormal(component: FloatArray, parity: Parity, grid: Grid) -> np.ndarray:
    """Return coefficients on the mode numbers, whose squares sum to the mean square of the values."""
    size = np.sqrt(component.size)
    if not grid.walls:
        spectrum = scipy.fft.rfftn(component, norm="ortho") / size
        last = grid.points[-1]
        spectrum[..., 1 : (last + 1) // 2] *= np.sqrt(2.0)  # they stand for both k and -k
        return spectrum
    for axis, name in enumerate(parity):
        transform = scipy.fft.dst if name == "sin" else scipy.fft.dct
        component = transform(component, type=2, axis=axis, norm="ortho")
        widths = [(0, 0)] * grid.dim
        widths[axis] = (1, 0) if name == "sin" else (0, 1)  # sines begin at k = 1, cosines end at n - 1
        component = np.pad(component, widths)
    return component / size
