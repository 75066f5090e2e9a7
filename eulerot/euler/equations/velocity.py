"""The tendency of the velocity in three dimensions, and its exact adjoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from eulerot._cached import kept
from eulerot._threads import PerThread
from eulerot._types import FloatArray
from eulerot.euler.equations import _kernels
from eulerot.euler.equations.spectral import SpectralEquation
from eulerot.euler.grid import Grid
from eulerot.euler.transforms.dense import DensePointwise, dense_pays
from eulerot.euler.transforms.pointwise import Parity, Pointwise

__all__ = ["VelocityEquation", "curl"]

_Operation = Pointwise | DensePointwise


def curl(field_hat: np.ndarray, grid: Grid) -> np.ndarray:
    """Return the coefficients of the curl of a field in space; in the box but for the sign where sines become cosines.

    Shape ``(..., 3, *grid.shape_hat)``. The sign of a velocity's curl is -1 there, and that of a vorticity's 1.
    """
    k, l, m = grid.wavenumbers
    u, v, w = np.moveaxis(field_hat, -4, 0)
    unit = 1.0 if grid.walls else 1j
    return unit * np.stack([l * w - m * v, m * u - k * w, k * v - l * u], axis=-4)


class VelocityEquation(SpectralEquation):
    """The three-dimensional Euler equations for the velocity, Leray-projected; equation (6).

    ``d_t u = -P div(u u)``, from the products ``u^2 - w^2, v^2 - w^2, u v, u w, v w``, for the gradient of ``w^2`` is
    projected out: three inverse and five forward transforms.

    Parameters
    ----------
    grid : Grid
        Domain and truncation, in three dimensions.
    threads : int
        Threads. Results do not depend on it.
    backend : {"fftw", "scipy"}, optional
        Whose transforms; by default FFTW's where it is installed, and products with matrices where they are faster.

    Notes
    -----
    A mean velocity stays as it is.

    Examples
    --------
    >>> grid = Grid((12, 12, 12))
    >>> x, y, z = grid.mesh()
    >>> equation = VelocityEquation(grid)
    >>> abc = np.stack([np.sin(z) + np.cos(y), np.sin(x) + np.cos(z), np.sin(y) + np.cos(x)])
    >>> steady = np.stack([equation.transforms.forward(component) for component in abc])
    >>> float(abs(equation.tendency(steady)).max()) < 1e-15
    True
    """

    field_parities: tuple[Parity, ...] = (("sin", "cos", "cos"), ("cos", "sin", "cos"), ("cos", "cos", "sin"))
    velocity_parities = field_parities
    vorticity_parities: tuple[Parity, ...] = (("cos", "sin", "sin"), ("sin", "cos", "sin"), ("sin", "sin", "cos"))
    _product_parities: tuple[Parity, ...] = (
        ("cos", "cos", "cos"), ("cos", "cos", "cos"), ("sin", "sin", "cos"), ("sin", "cos", "sin"),
        ("cos", "sin", "sin"),
    )  # fmt: skip

    def __init__(self, grid: Grid, *, threads: int = 1, backend: str | None = None) -> None:
        super().__init__(grid, threads=threads, backend=backend)
        # apart: products never write a sine's wavenumber zero, and `tendency` would read what is left there
        self._outputs = PerThread(partial(grid.zeros_hat, 5))
        self._work = PerThread(partial(grid.zeros_hat, 8 + 3))

    def _operation(self, inputs: Sequence[Parity], outputs: Sequence[Parity], kernel: Callable) -> _Operation:
        if self._backend is None and dense_pays(self.grid):
            return DensePointwise(self.grid, inputs, outputs, kernel)
        return self._pointwise(inputs, outputs, kernel)

    @kept
    def _products(self) -> _Operation:
        return self._operation(self.velocity_parities, self._product_parities, _kernels.velocity_products)

    @kept
    def _adjoint_products(self) -> _Operation:
        inputs = (*self.velocity_parities, *self._product_parities)
        return self._operation(inputs, self.velocity_parities, _kernels.velocity_adjoint_products)

    def projected(self, velocity: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Return the divergence-free part of `velocity`, which is tangent to the walls by its parity."""
        out = self.grid.zeros_hat(3) if out is None else out
        self._loop(_kernels.leray, velocity, self.grid.inverse_laplacian, *self._vectors, out)
        return out

    def velocity_hat(self, velocity: np.ndarray) -> np.ndarray:
        """Return the coefficients of the velocity: the field itself."""
        return velocity

    def _velocity_for_now(self, velocity: np.ndarray) -> np.ndarray:
        return velocity

    def carrier(self, velocity: np.ndarray) -> np.ndarray:
        """Return the field that carries particles: the velocity itself."""
        return velocity

    def vorticity(self, velocity: np.ndarray) -> FloatArray:
        """Return ``curl u`` on the grid, shape ``(3, *points)``."""
        return self._values(self._flip * curl(velocity, self.grid), self.vorticity_parities)

    def from_vorticity(self, values: FloatArray) -> np.ndarray:
        """Return the velocity without mean whose curl is the divergence-free part of grid values, ``(3, *points)``."""
        return self.grid.inverse_laplacian * curl(self._coefficients(values, self.vorticity_parities), self.grid)

    def section(self, velocity: np.ndarray) -> tuple[FloatArray, FloatArray]:
        """Return what there is to draw: the vorticity across the middle plane ``z``, and the velocity in it."""
        middle = self.grid.points[2] // 2
        return self.vorticity(velocity)[2][..., middle], self.velocity(velocity)[:2, ..., middle]

    def tendency(self, velocity: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Return ``d_t u``."""
        out, symbol = self.grid.zeros_hat(3) if out is None else out, self.grid.inverse_laplacian
        products = self._products(velocity, self._outputs.value)
        self._loop(_kernels.velocity_tendency, products, symbol, *self._vectors, self._unit, self._flip, out)
        return out

    def adjoint(self, velocity: np.ndarray, multiplier: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Return the adjoint of the tendency's derivative at `velocity`, applied to `multiplier`.

        ``u_bar = S u`` with ``S = grad mu + grad mu^T`` and ``mu`` the divergence-free part of the multiplier: eight
        inverse and three forward transforms.
        """
        fields, projection = self._work.value[:8], self._work.value[8:]
        fields[:3] = velocity
        mu = self.projected(multiplier, projection)
        self._loop(_kernels.velocity_strains, mu, *self._vectors, self._unit, self._flip, fields[3:])
        return self._adjoint_products(fields, out)
