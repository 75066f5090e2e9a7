"""What the equations of the plane and of space share: transforms, loops over coefficients, fields in and out."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from eulerot._threads import run_tasks
from eulerot._types import FloatArray
from eulerot.euler.equations import _kernels
from eulerot.euler.grid import Grid
from eulerot.euler.transforms.pointwise import Parity, Pointwise, Transforms

__all__ = ["SpectralEquation"]

# The first axis of coefficients is shared in this many pieces; fewer coefficients are not shared at all
_PIECES, _SHARED_FROM = 4, 50_000


class SpectralEquation:
    """The Euler equations on kept coefficients.

    Fields are their kept coefficients. Multipliers of the adjoint are fields too: they represent derivatives in the
    inner product ``mean(a b)`` over the domain.

    Parameters
    ----------
    grid : Grid
        Domain and truncation.
    threads : int
        Threads. Results do not depend on it.
    backend : {"fftw", "scipy"}, optional
        Whose transforms; by default FFTW's where it is installed.
    """

    field_parities: tuple[Parity, ...]
    velocity_parities: tuple[Parity, ...]
    vorticity_parities: tuple[Parity, ...]

    def __init__(self, grid: Grid, *, threads: int = 1, backend: str | None = None) -> None:
        self.grid, self.threads, self._backend = grid, threads, backend
        self.shape = grid.shape_hat if len(self.field_parities) == 1 else (len(self.field_parities), *grid.shape_hat)
        self.transforms = Transforms(grid, backend=backend)
        self._vectors = tuple(np.ascontiguousarray(k.ravel()) for k in grid.wavenumbers)
        # the derivative of the basis, and the sign that it has when cosines become sines
        self._unit: float | complex = 1.0 if grid.walls else 1j
        self._flip = -1.0 if grid.walls else 1.0
        pieces = _PIECES if threads > 1 and grid.laplacian.size > _SHARED_FROM else 1
        self._edges = np.linspace(0, grid.shape_hat[0], pieces + 1).astype(int).tolist()

    def zeros(self, *leading: int) -> np.ndarray:
        """Return a zero field, or an array of them."""
        return np.zeros((*leading, *self.shape), self.grid.dtype_hat)

    def _pointwise(self, inputs: Sequence[Parity], outputs: Sequence[Parity], kernel: Callable) -> Pointwise:
        return Pointwise(self.grid, inputs, outputs, kernel, threads=self.threads, backend=self._backend)

    def _loop(self, kernel: Callable, *arguments: object) -> None:
        """Apply a kernel of `_kernels` to all coefficients."""
        bounds = itertools.pairwise(self._edges)
        run_tasks([partial(kernel, start, stop, *arguments) for start, stop in bounds], self.threads)

    def analysed(self, values: FloatArray) -> np.ndarray:
        """Return the part of given grid values that the modes keep and that an Euler flow can have."""
        return self.projected(self._coefficients(values, self.field_parities).reshape(self.shape))

    def synthesised(self, field: np.ndarray) -> FloatArray:
        """Return the grid values of a field."""
        components = field.reshape(len(self.field_parities), *self.grid.shape_hat)
        values = self._values(components, self.field_parities)
        return values.reshape(*self.shape[: -self.grid.dim], *self.grid.points)

    def velocity(self, field: np.ndarray) -> FloatArray:
        """Return the velocity on the grid, shape ``(d, *points)``."""
        return self._values(self.velocity_hat(field), self.velocity_parities)

    def fastest(self, field: np.ndarray, weights: FloatArray) -> float:
        """Return the largest value on the grid of the weighted sum of the velocity's components, ``sum w_i |u_i|``."""

        def kernel(velocity: FloatArray, out: FloatArray) -> None:
            _kernels.largest_speeds(velocity, weights, out)

        return float(np.max(self.transforms.by_rows(self._velocity_for_now(field), self.velocity_parities, kernel)))

    def is_finite(self, field: np.ndarray) -> bool:
        """Return whether all coefficients are finite, those of other processes included."""
        return self.grid.ranks.largest(float(not np.isfinite(field).all())) == 0.0

    def _coefficients(self, values: FloatArray, parities: Sequence[Parity]) -> np.ndarray:
        components = values.reshape(-1, *self.grid.points)
        return np.stack([self.transforms.forward(*pair) for pair in zip(components, parities, strict=True)])

    def _values(self, components: np.ndarray, parities: Sequence[Parity]) -> FloatArray:
        return np.stack([self.transforms.backward(*pair) for pair in zip(components, parities, strict=True)])

    def projected(self, field: np.ndarray) -> np.ndarray:
        """Return the part of a field that an Euler flow can have."""
        raise NotImplementedError

    def velocity_hat(self, field: np.ndarray) -> np.ndarray:
        """Return the coefficients of the velocity."""
        raise NotImplementedError

    def _velocity_for_now(self, field: np.ndarray) -> np.ndarray:
        """Return the coefficients of the velocity, in an array that the next call may write over."""
        raise NotImplementedError
