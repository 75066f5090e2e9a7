"""Planned transform pairs between kept coefficients and grid values; the only import of pyfftw."""

from __future__ import annotations

import numpy as np
import pyfftw

from eulerot._types import FloatArray
from eulerot.euler.grid import Grid

__all__ = ["Transforms"]

# FFTW's names: the synthesis of a sine series on cell centres, and its analysis; likewise for cosines
_SYNTHESIS = {"sin": "FFTW_RODFT01", "cos": "FFTW_REDFT01"}
_ANALYSIS = {"sin": "FFTW_RODFT10", "cos": "FFTW_REDFT10"}
# Planning by estimate alone gives the same plan, and so the same bits, in every process
_FLAGS = ("FFTW_ESTIMATE", "FFTW_DESTROY_INPUT")


class Transforms:
    """Transforms between kept coefficients and grid values, dealiased because only kept modes ever pass.

    Parameters
    ----------
    grid : Grid
        Points and kept modes.
    threads : int
        Threads of one transform.

    Notes
    -----
    In the box a field has a parity an axis, ``"sin"`` or ``"cos"``, and its array of coefficients holds the wavenumbers
    ``1 .. K`` of either: no product that the equations need has a mean along an axis. On the torus parity is ignored.

    Examples
    --------
    >>> grid = Grid((8, 8), "cube")
    >>> transforms = Transforms(grid)
    >>> field_hat = np.zeros(grid.shape_hat)
    >>> field_hat[0, 1] = 3.0
    >>> x, y = grid.mesh()
    >>> np.allclose(transforms.backward(field_hat), 3 * np.sin(x) * np.sin(2 * y))
    True
    """

    def __init__(self, grid: Grid, *, threads: int = 1) -> None:
        self.grid = grid
        self._threads = threads
        nx, ny = grid.points
        spectrum = (nx, ny) if grid.walls else (nx, ny // 2 + 1)
        self._spectrum = pyfftw.zeros_aligned(spectrum, dtype=grid.dtype_hat)
        self._values = pyfftw.zeros_aligned((nx, ny), dtype=np.float64)
        self._plans: dict[tuple, pyfftw.FFTW] = {}

    def backward(self, field_hat: np.ndarray, parity: tuple[str, str] = ("sin", "sin")) -> FloatArray:
        """Return the grid values of a field given by its kept coefficients."""
        values = pyfftw.empty_aligned(self.grid.points, dtype=np.float64)
        buffer = self._spectrum
        buffer.fill(0.0)
        if self.grid.walls:
            buffer[self._kept(parity)] = 0.25 * field_hat  # FFTW doubles each term of either series
        else:
            modes_k, modes_l = self.grid.modes
            buffer[: modes_k + 1, : modes_l + 1] = field_hat[: modes_k + 1]
            buffer[-modes_k:, : modes_l + 1] = field_hat[modes_k + 1 :]
        self._plan("backward", parity).update_arrays(buffer, values)
        self._plan("backward", parity).execute()
        return values

    def forward(self, values: np.ndarray, parity: tuple[str, str] = ("sin", "sin")) -> np.ndarray:
        """Return the kept coefficients of a field given by its grid values."""
        self._values[:] = values
        self._plan("forward", parity).execute()
        if self.grid.walls:
            kept = self._spectrum[self._kept(parity)]
        else:
            modes_k, modes_l = self.grid.modes
            columns = self._spectrum[:, : modes_l + 1]
            kept = np.concatenate([columns[: modes_k + 1], columns[-modes_k:]])
        return kept / self._values.size

    def _kept(self, parity: tuple[str, str]) -> tuple[slice, slice]:
        first = [0 if p == "sin" else 1 for p in parity]  # FFTW's sine series starts at k = 1, its cosines at 0
        rows, columns = (slice(s, s + k) for s, k in zip(first, self.grid.modes, strict=True))
        return rows, columns

    def _plan(self, way: str, parity: tuple[str, str]) -> pyfftw.FFTW:
        key = (way, parity if self.grid.walls else None)
        if key not in self._plans:
            arrays = (self._spectrum, self._values) if way == "backward" else (self._values, self._spectrum)
            if self.grid.walls:
                table = _SYNTHESIS if way == "backward" else _ANALYSIS
                direction: object = tuple(table[p] for p in parity)
            else:
                direction = "FFTW_BACKWARD" if way == "backward" else "FFTW_FORWARD"
            self._plans[key] = pyfftw.FFTW(
                *arrays, axes=(0, 1), direction=direction, flags=_FLAGS, threads=self._threads
            )
        return self._plans[key]
