"""The tendency of the vorticity, and its exact adjoint."""

from __future__ import annotations

import numpy as np

from eulerot._types import FloatArray
from eulerot.euler.grid import Grid
from eulerot.euler.transforms import Transforms

__all__ = ["VorticityEquation"]


class VorticityEquation:
    """The two-dimensional vorticity equation in Basdevant's form, DESIGN equation (6).

    ``d_t omega = (d_yy - d_xx)(u v) + d_xy(u^2 - v^2)``: two inverse and two forward transforms.

    Parameters
    ----------
    grid : Grid
        Domain and truncation.
    threads : int
        Threads of one transform.

    Notes
    -----
    Fields are their kept coefficients. Multipliers of the adjoint are fields too: they represent derivatives in the
    inner product ``mean(a b)`` over the domain.

    References
    ----------
    C. Basdevant, J. Comput. Phys. 50:209 (1983), doi:10.1016/0021-9991(83)90064-5.

    Examples
    --------
    >>> grid = Grid((16, 16))
    >>> x, y = grid.mesh()
    >>> equation = VorticityEquation(grid)
    >>> steady = equation.transforms.forward(np.cos(x) * np.cos(y))
    >>> float(abs(equation.tendency(steady)).max()) < 1e-15
    True
    """

    def __init__(self, grid: Grid, *, threads: int = 1) -> None:
        self.grid = grid
        self.transforms = Transforms(grid, threads=threads)
        k, l = grid.wavenumbers
        # d_x takes sines to k cosines in the box; the cosines go back with a minus sign, hence `mixed`
        self._d_x: np.ndarray
        self._d_y: np.ndarray
        self._d_x, self._d_y = (k, l) if grid.walls else (1j * k, 1j * l)
        self._strain = k**2 - l**2
        self._mixed = k * l if grid.walls else -k * l

    def streamfunction(self, vorticity: np.ndarray) -> np.ndarray:
        """Return ``psi`` with ``-Laplace psi = omega``."""
        return self.grid.inverse_laplacian * vorticity

    def velocity(self, vorticity: np.ndarray) -> tuple[FloatArray, FloatArray]:
        """Return ``(u, v) = (d_y psi, -d_x psi)`` on the grid."""
        psi = self.streamfunction(vorticity)
        u = self.transforms.backward(self._d_y * psi, ("sin", "cos"))
        v = self.transforms.backward(-self._d_x * psi, ("cos", "sin"))
        return u, v

    def tendency(self, vorticity: np.ndarray) -> np.ndarray:
        """Return ``d_t omega``, equation (6)."""
        u, v = self.velocity(vorticity)
        uv = self.transforms.forward(u * v, ("sin", "sin"))
        difference = self.transforms.forward((u - v) * (u + v), ("cos", "cos"))
        return self._strain * uv + self._mixed * difference

    def adjoint(self, vorticity: np.ndarray, multiplier: np.ndarray) -> np.ndarray:
        """Return the adjoint of the tendency's derivative at `vorticity`, applied to `multiplier`, equation (9)."""
        u, v = self.velocity(vorticity)
        p = self.transforms.backward(self._strain * multiplier, ("sin", "sin"))
        q = self.transforms.backward(self._mixed * multiplier, ("cos", "cos"))
        u_bar = self.transforms.forward(v * p + 2 * u * q, ("sin", "cos"))
        v_bar = self.transforms.forward(u * p - 2 * v * q, ("cos", "sin"))
        return self.streamfunction(np.conj(self._d_y) * u_bar - np.conj(self._d_x) * v_bar)
