"""The vorticity in a box of few points, whose transforms are products with matrices: whole steps are compiled calls."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from eulerot._cached import kept
from eulerot._threads import PerThread
from eulerot._types import FloatArray
from eulerot.euler.equations import _kernels_box
from eulerot.euler.equations.vorticity import VorticityEquation
from eulerot.euler.grid import Grid
from eulerot.euler.transforms.dense import analyses, dense_pays, places_of, sorted_places, syntheses

__all__ = ["BoxVorticityEquation", "box_pays"]

_Arrays: TypeAlias = tuple[np.ndarray, ...]

# Rows of a product that are computed at the same time, and numbers that memory has in one piece: with rows that begin
# with one, a product takes as long as with a library, or less
_ROWS, _LINE = 4, 8


def box_pays(grid: Grid) -> bool:
    """Return whether the vorticity has so few points that products with matrices are faster than fast transforms.

    Examples
    --------
    >>> box_pays(Grid((32, 32), "cube")), box_pays(Grid((32, 32, 32), "cube"))
    (True, False)
    """
    return grid.dim == 2 and dense_pays(grid)


class BoxVorticityEquation(VorticityEquation):
    """The two-dimensional vorticity equation in a box of few points, equation (6).

    Between calls a thread would wait for the interpreter's lock longer than it computes, so each of them computes much:
    a tendency, or all stages of a Runge-Kutta step.

    Examples
    --------
    >>> grid = Grid((16, 16), "cube")
    >>> field = np.random.default_rng(0).standard_normal(grid.shape_hat)
    >>> one, other = BoxVorticityEquation(grid).tendency(field), VorticityEquation(grid).tendency(field)
    >>> bool(np.allclose(one, other, rtol=1e-12))
    True
    """

    def __init__(self, grid: Grid, *, threads: int = 1) -> None:
        super().__init__(grid, threads=threads)
        self._room = PerThread(self._arrays)

    def tendency(self, vorticity: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Return ``d_t omega``, equation (6)."""
        out = self.grid.zeros_hat() if out is None else out
        _kernels_box.tendency(vorticity.ravel(), self._tables, self._room.value, out.reshape(-1))
        return out

    def adjoint(self, vorticity: np.ndarray, multiplier: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Return the adjoint of the tendency's derivative at `vorticity`, applied to `multiplier`, equation (9)."""
        out = self.grid.zeros_hat() if out is None else out
        fields = vorticity.ravel(), multiplier.ravel()
        _kernels_box.adjoint(*fields, self._tables, self._room.value, out.reshape(-1))
        return out

    def fastest(self, field: np.ndarray, weights: FloatArray) -> float:
        """Return the largest value on the grid of the weighted sum of the velocity's components, ``sum w_i |u_i|``."""
        if self.grid.points != self.grid.product_points:
            return super().fastest(field, weights)
        return float(_kernels_box.fastest(field.ravel(), weights, self._tables, self._room.value))

    def step(
        self,
        field: np.ndarray,
        weights: FloatArray,
        known: bool,
        slopes: np.ndarray,
        stages: np.ndarray,
        out: np.ndarray,
    ) -> None:
        """Set `out` to `field` after a Runge-Kutta step, filling `slopes` and `stages`; see `RungeKutta.step`.

        Rows of `weights` are those of the stages and of the step, times the step; a first slope may be known.
        """
        slopes, stages = (each.reshape(len(each), -1) for each in (slopes, stages))
        arguments = self._tables, self._room.value, slopes, stages, out.reshape(-1)
        _kernels_box.step(field.ravel(), weights, known, *arguments)

    def adjoint_step(
        self,
        stages: np.ndarray,
        weights: FloatArray,
        sources: np.ndarray | None,
        slopes: np.ndarray,
        stage: np.ndarray,
        multiplier: np.ndarray,
    ) -> None:
        """Take `multiplier` back over a Runge-Kutta step; see `RungeKutta.adjoint_step`."""
        stages, slopes = (each.reshape(len(each), -1) for each in (stages, slopes))
        sources = np.empty((0, stages.shape[1])) if sources is None else sources.reshape(stages.shape)
        tables = np.ascontiguousarray(weights.T), sources, self._tables, self._room.value
        _kernels_box.adjoint_step(stages, *tables, slopes, stage.reshape(-1), multiplier.reshape(-1))

    @kept
    def _tables(self) -> _Arrays:
        parities = (*self.velocity_parities, *self._product_parities)
        places = np.stack([sorted_places(self.grid, each, (_ROWS, _LINE)) for each in parities])
        k, m = (number.ravel() for number in np.broadcast_arrays(*self.grid.wavenumbers))
        symbol = self.grid.inverse_laplacian.ravel()
        weights = np.stack([m * symbol, -k * symbol, k**2 - m**2, k * m])
        index = np.maximum(places, 0)
        symbols = np.where(places < 0, 0.0, np.take_along_axis(weights, index, axis=1))
        into, into_other = map(_padded, syntheses(self.grid, parities), (_ROWS, _LINE))
        back, back_other = map(_padded, analyses(self.grid, parities), (_ROWS, _LINE))
        into_other, back_other = (_aligned(each.swapaxes(2, 3)) for each in (into_other, back_other))
        found = np.stack([places_of(each, symbol.size) for each in places])
        return index, symbols, into, into_other, back, back_other, found, weights

    def _arrays(self) -> _Arrays:
        _, _, into, into_other, *_ = self._tables
        (points, waves), (other_waves, other_points) = into.shape[2:], into_other.shape[2:]
        shapes = (waves, other_waves), (points, other_waves), (points, other_points)
        return tuple(_aligned(np.zeros((4, 4, *shape))) for shape in shapes)


def _padded(matrices: FloatArray, multiple: int) -> FloatArray:
    """Return matrices with zeros added until they have a multiple of so many rows and columns."""
    sizes = [(0, -size % multiple) for size in matrices.shape[2:]]
    return np.pad(matrices, [(0, 0), (0, 0), *sizes])


def _aligned(array: FloatArray) -> FloatArray:
    """Return a contiguous copy that begins where a line of the processor's memory does."""
    room = np.empty(array.size + _LINE)
    start = -(room.ctypes.data // room.itemsize) % _LINE
    copy = room[start : start + array.size].reshape(array.shape)
    copy[:] = array
    return copy
