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
# What the loops compute, and the weights of a single stage
_FORWARD, _SPEED, _BACKWARD = 1, 0, -1
_ONE = np.array([[0.0], [1.0]])


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
        self._run(_FORWARD, vorticity, _ONE, out[None], self._work.value[:1], self._work.value[1])
        return out

    def adjoint(self, vorticity: np.ndarray, multiplier: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Return the adjoint of the tendency's derivative at `vorticity`, applied to `multiplier`, equation (9)."""
        out = self.grid.zeros_hat() if out is None else out
        self._run(_BACKWARD, multiplier, _ONE, out[None], vorticity[None], self._work.value[1])
        return out

    def fastest(self, field: np.ndarray, weights: FloatArray) -> float:
        """Return the largest value on the grid of the weighted sum of the velocity's components, ``sum w_i |u_i|``."""
        if self.grid.points != self.grid.product_points:
            return super().fastest(field, weights)
        work = self._work.value
        self._run(_SPEED, field, weights[:, None], work[2:3], work[:1], work[1])
        return float(work[2].flat[0])

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
        self._run(_FORWARD, field, weights, slopes, stages, out, known=known)

    def adjoint_step(
        self,
        stages: np.ndarray,
        weights: FloatArray,
        sources: np.ndarray | None,
        slopes: np.ndarray,
        multiplier: np.ndarray,
    ) -> None:
        """Take `multiplier` back over a Runge-Kutta step; see `RungeKutta.adjoint_step`."""
        self._run(_BACKWARD, multiplier, weights, slopes, stages, multiplier, sources=sources)

    def _run(
        self,
        way: int,
        field: np.ndarray,
        weights: FloatArray,
        slopes: np.ndarray,
        stages: np.ndarray,
        out: np.ndarray,
        *,
        known: bool = False,
        sources: np.ndarray | None = None,
    ) -> None:
        """Call the loops, see `_kernels_box.step`, with fields as rows."""
        slopes, stages, sources = (
            each.reshape(len(each), field.size) for each in (slopes, stages, stages[:0] if sources is None else sources)
        )
        rows = slopes, stages, self._work.value[3].ravel(), out.reshape(-1)
        _kernels_box.step(way, field.ravel(), weights, known, sources, self._tables, self._room.value, *rows)

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

    def _arrays(self) -> tuple[_Arrays, _Arrays]:
        _, _, into, into_other, *_ = self._tables
        (points, waves), (other_waves, other_points) = into.shape[2:], into_other.shape[2:]
        shapes = (waves, other_waves), (points, other_points), (points, other_waves), (waves, other_points)
        arrays = tuple(_aligned(np.zeros((4, 4, *shape))) for shape in shapes)
        return arrays, (arrays[0].reshape(4, -1), arrays[1].reshape(4, 4, -1))


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
