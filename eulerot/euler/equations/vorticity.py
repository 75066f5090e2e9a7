"""The tendency of the vorticity in two dimensions, and its exact adjoint."""

from __future__ import annotations

from functools import partial

import numpy as np

from eulerot._cached import kept
from eulerot._threads import PerThread
from eulerot._types import FloatArray
from eulerot.euler.equations import _kernels
from eulerot.euler.equations.spectral import SpectralEquation
from eulerot.euler.grid import Grid
from eulerot.euler.transforms.pointwise import Parity, Pointwise

__all__ = ["VorticityEquation"]


class VorticityEquation(SpectralEquation):
    """The two-dimensional vorticity equation in Basdevant's form, equation (6).

    ``d_t omega = (d_yy - d_xx)(u v) + d_xy(u^2 - v^2)``: two inverse and two forward transforms.

    Parameters
    ----------
    grid : Grid
        Domain and truncation, in two dimensions.
    threads : int
        Threads. Results do not depend on it.
    backend : {"fftw", "scipy"}, optional
        Whose transforms; FFTW's where it is installed.

    References
    ----------
    C. Basdevant, J. Comput. Phys. 50:209 (1983), https://doi.org/10.1016/0021-9991%2883%2990064-5.

    Examples
    --------
    >>> grid = Grid((16, 16))
    >>> x, y = grid.mesh()
    >>> equation = VorticityEquation(grid)
    >>> steady = equation.transforms.forward(np.cos(x) * np.cos(y))
    >>> float(abs(equation.tendency(steady)).max()) < 1e-15
    True
    """

    field_parities: tuple[Parity, ...] = (("sin", "sin"),)
    vorticity_parities = field_parities
    velocity_parities: tuple[Parity, ...] = (("sin", "cos"), ("cos", "sin"))
    _product_parities: tuple[Parity, ...] = (("sin", "sin"), ("cos", "cos"))

    def __init__(self, grid: Grid, *, threads: int = 1, backend: str | None = None) -> None:
        super().__init__(grid, threads=threads, backend=backend)
        self._work = PerThread(partial(grid.zeros_hat, 4))  # what goes into an operation, and then what comes out

    @kept
    def _products(self) -> Pointwise:
        return self._pointwise(self.velocity_parities, self._product_parities, _kernels.vorticity_products)

    @kept
    def _adjoint_products(self) -> Pointwise:
        inputs = (*self.velocity_parities, *self._product_parities)
        return self._pointwise(inputs, self.velocity_parities, _kernels.vorticity_adjoint_products)

    def projected(self, vorticity: np.ndarray) -> np.ndarray:
        """Return `vorticity` without its mean, which no velocity has."""
        return np.where(self.grid.laplacian > 0, vorticity, 0)

    def carrier(self, vorticity: np.ndarray) -> np.ndarray:
        """Return the field that carries particles, the stream function ``psi`` with ``-Laplace psi = omega``.

        It is its own adjoint.
        """
        return self.grid.inverse_laplacian * vorticity

    def velocity_hat(self, vorticity: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Return the coefficients of ``(u, v) = (d_y psi, -d_x psi)``, shape ``(2, ...)``."""
        out = self.grid.zeros_hat(2) if out is None else out
        self._loop(_kernels.biot_savart, vorticity, self.grid.inverse_laplacian, *self._vectors, self._unit, out)
        return out

    def _velocity_for_now(self, vorticity: np.ndarray) -> np.ndarray:
        return self.velocity_hat(vorticity, self._work.value[:2])

    def from_velocity(self, values: FloatArray) -> np.ndarray:
        """Return the vorticity ``v_x - u_y`` of a velocity on the grid, shape ``(2, *points)``."""
        # the curl is the transpose of Biot-Savart, but for the Laplacian
        return self.grid.laplacian * self._biot_savart_transposed(self._coefficients(values, self.velocity_parities))

    def section(self, vorticity: np.ndarray) -> tuple[FloatArray, FloatArray]:
        """Return what there is to draw: the vorticity and the velocity on the grid."""
        return self.synthesised(vorticity), self.velocity(vorticity)

    def tendency(self, vorticity: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Return ``d_t omega``, equation (6)."""
        out = self.grid.zeros_hat() if out is None else out
        products = self._products(self._velocity_for_now(vorticity), self._work.value[:2])
        self._loop(_kernels.vorticity_tendency, products, *self._vectors, self._flip, out)
        return out

    def adjoint(self, vorticity: np.ndarray, multiplier: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Return the adjoint of the tendency's derivative at `vorticity`, applied to `multiplier`, equation (9)."""
        fields = self._work.value
        self.velocity_hat(vorticity, fields)
        self._loop(_kernels.vorticity_multipliers, multiplier, *self._vectors, self._flip, fields[2:])
        return self._biot_savart_transposed(self._adjoint_products(fields, fields[:2]), out)

    def _biot_savart_transposed(self, velocity: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        out, symbol = self.grid.zeros_hat() if out is None else out, self.grid.inverse_laplacian
        self._loop(_kernels.biot_savart_transposed, velocity, symbol, *self._vectors, self._unit, out)
        return out
