"""Define the initial fields of the Euler solver's validation, at the points of a grid."""

from __future__ import annotations

import numpy as np
from scipy.special import j0, j1

from eulerot import Grid

__all__ = ["chaplygin_dipole", "four_modes", "shear_layer", "taylor_green", "taylor_green_vorticity"]


def four_modes(grid: Grid) -> np.ndarray:
    """Return the vorticity of the four-mode flow.

    >>> field = four_modes(Grid((16, 16)))
    >>> round(0.5 * float(np.mean(field**2)), 12)  # the enstrophy: (1 + 1 + 0.6^2 + 0.2^2) / 4
    0.6
    """
    x, y = grid.mesh()
    return np.cos(x) + np.cos(y) + 0.6 * np.cos(2 * x) + 0.2 * np.cos(3 * x)


def shear_layer(grid: Grid, rho: float, delta: float = 0.05) -> np.ndarray:
    """Return the vorticity of the double shear layer on the unit square.

    ``u = tanh(rho (y - 1/4))`` up to the middle and ``tanh(rho (3/4 - y))`` above, ``v = delta sin 2 pi x``: Bell,
    Colella, Glaz, J. Comput. Phys. 85:257 (1989), doi:10.1016/0021-9991(89)90151-4; the thin layer ``rho = 100``:
    Minion, Brown, J. Comput. Phys. 138:734 (1997), doi:10.1006/jcph.1997.5843.
    """
    x, y = grid.mesh()
    u_y = np.where(y <= 0.5, rho / np.cosh(rho * (y - 0.25)) ** 2, -rho / np.cosh(rho * (0.75 - y)) ** 2)
    return 2 * np.pi * delta * np.cos(2 * np.pi * x) - u_y


def chaplygin_dipole(grid: Grid, speed: float, radius: float, centre: tuple[float, float]) -> np.ndarray:
    """Return the vorticity of the Lamb-Chaplygin dipole, ``-2 U k J1(k r) / J0(k R) sin theta``: it moves along x."""
    x, y = (a - b for a, b in zip(grid.mesh(), centre, strict=True))
    r = np.hypot(x, y)
    k = 3.8317059702075125 / radius
    sine = np.divide(y, r, out=np.zeros_like(r), where=r > 0)
    return np.where(r < radius, -2 * speed * k * j1(k * r) / j0(k * radius) * sine, 0.0)


def taylor_green(grid: Grid) -> np.ndarray:
    """Return the velocity of the Taylor-Green vortex, on the torus or in the box."""
    x, y, z = grid.mesh()
    return np.stack([np.sin(x) * np.cos(y) * np.cos(z), -np.cos(x) * np.sin(y) * np.cos(z), np.zeros_like(x)])


def taylor_green_vorticity(grid: Grid) -> np.ndarray:
    """Return the curl of the Taylor-Green vortex.

    >>> grid = Grid((8, 8, 8))
    >>> round(0.5 * float(np.mean(np.sum(taylor_green_vorticity(grid) ** 2, axis=0))), 12)  # the enstrophy
    0.375
    """
    x, y, z = grid.mesh()
    return np.stack(
        [-np.cos(x) * np.sin(y) * np.sin(z), -np.sin(x) * np.cos(y) * np.sin(z), 2 * np.sin(x) * np.sin(y) * np.cos(z)]
    )
