"""Domain, wavenumbers, parity and truncation: all the geometry, in one immutable object."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from eulerot._types import FloatArray

__all__ = ["Grid"]


def _is_fast(n: int) -> bool:
    """Tell whether `n` has no prime factor above five, for which transforms are quick."""
    for prime in (2, 3, 5):
        while n % prime == 0:
            n //= prime
    return n == 1


@dataclass(frozen=True)
class Grid:
    """The points of a periodic square or of a box with slip walls, and the Fourier modes kept on them.

    Sign convention: ``omega = v_x - u_y = -Laplace psi`` and ``u = (d_y psi, -d_x psi)``, DESIGN equation (5).

    Parameters
    ----------
    points : (int, int)
        Points an axis.
    domain : {"torus", "cube"}
        ``"torus"`` is ``[0, 2 pi)^2`` with points ``2 pi j / n``. ``"cube"`` is the box ``[0, pi]^2`` with slip
        walls and the cell centres ``pi (j + 1/2) / n``; its fields are sine series, the parity of equation (5).

    Notes
    -----
    The 2/3 rule, equation (7): on the torus the modes ``|k| < n/3`` are kept, in the box ``k < 2n/3``, so that every
    quadratic product is exact on the kept modes.

    Raises
    ------
    ValueError
        If the domain is unknown or an axis has too few points to keep one mode.

    Examples
    --------
    >>> Grid((256, 256)).modes
    (85, 85)
    >>> Grid.from_modes(16, domain="cube").points
    (25, 25)
    """

    points: tuple[int, int]
    domain: str = "torus"

    def __post_init__(self) -> None:
        if self.domain not in ("torus", "cube"):
            raise ValueError(f'domain: expected "torus" or "cube"; got {self.domain!r}. Choose one of the two.')
        points = tuple(int(n) for n in np.atleast_1d(self.points))
        if len(points) != 2:
            raise ValueError(f"points: expected two numbers of points; got {self.points!r}. Pass (n, n).")
        object.__setattr__(self, "points", points)
        if min(self.modes) < 1:
            raise ValueError(f"points: expected at least 4 points an axis; got {points}. Use a finer grid.")

    @classmethod
    def from_modes(cls, modes: int, *, domain: str = "cube") -> Grid:
        """Return the smallest grid with fast transforms that keeps `modes` modes an axis.

        Examples
        --------
        >>> Grid.from_modes(5, domain="torus").modes
        (5, 5)
        """
        if int(modes) != modes or modes < 1:
            raise ValueError(f"modes: expected a positive whole number; got {modes!r}. Sixteen is a good start.")
        n = math.floor(modes * (3 if domain == "torus" else 1.5)) + 1
        while not _is_fast(n) or cls((n, n), domain).modes[0] != modes:
            if cls((n, n), domain).modes[0] > modes:  # no fast size keeps exactly these modes: take the smallest
                n = math.floor(modes * (3 if domain == "torus" else 1.5)) + 1
                break
            n += 1
        return cls((n, n), domain)

    @property
    def walls(self) -> bool:
        """Whether the domain has walls."""
        return self.domain == "cube"

    @property
    def length(self) -> float:
        """The side of the domain."""
        return math.pi if self.walls else 2 * math.pi

    @cached_property
    def modes(self) -> tuple[int, int]:
        """The highest wavenumber kept on each axis."""
        share = 2 if self.walls else 1
        first, second = (-(-share * n // 3) - 1 for n in self.points)
        return first, second

    @cached_property
    def shape_hat(self) -> tuple[int, int]:
        """The shape of an array of kept coefficients."""
        k, l = self.modes
        return (k, l) if self.walls else (2 * k + 1, l + 1)

    @property
    def dtype_hat(self) -> type:
        """The type of the kept coefficients: real sine coefficients, or half of a Hermitian spectrum."""
        return np.float64 if self.walls else np.complex128

    @cached_property
    def wavenumbers(self) -> tuple[FloatArray, FloatArray]:
        """Wavenumbers ``(k, l)`` of the kept coefficients, shapes ``(m, 1)`` and ``(1, n)``."""
        modes_k, modes_l = self.modes
        if self.walls:
            k, l = np.arange(1, modes_k + 1), np.arange(1, modes_l + 1)
        else:
            k, l = np.r_[0 : modes_k + 1, -modes_k:0], np.arange(modes_l + 1)
        return k[:, None].astype(float), l[None, :].astype(float)

    @cached_property
    def laplacian(self) -> FloatArray:
        """The symbol of minus the Laplacian, ``k^2 + l^2``."""
        k, l = self.wavenumbers
        return k**2 + l**2

    @cached_property
    def inverse_laplacian(self) -> FloatArray:
        """The symbol of the inverse of minus the Laplacian; zero on the mean, which vorticity does not have."""
        symbol = self.laplacian
        return np.divide(1.0, symbol, out=np.zeros_like(symbol), where=symbol > 0)

    @cached_property
    def weights(self) -> FloatArray:
        """Parseval's weights: ``mean f^2 = sum weights |f_hat|^2``."""
        if self.walls:
            return np.full(self.shape_hat, 0.25)
        weights = np.full(self.shape_hat, 2.0)
        weights[:, 0] = 1.0  # the column l = 0 holds both k and -k
        return weights

    @cached_property
    def axes(self) -> tuple[FloatArray, FloatArray]:
        """Coordinates of the grid points along each axis."""
        shift = 0.5 if self.walls else 0.0
        first, second = (self.length * (np.arange(n) + shift) / n for n in self.points)
        return first, second

    def mesh(self) -> tuple[FloatArray, FloatArray]:
        """Coordinates of all grid points, each of shape `points`, with ``ij`` indexing."""
        x, y = np.meshgrid(*self.axes, indexing="ij")
        return x, y

    def checked_field(self, name: str, values: object) -> FloatArray:
        """Return grid values as a finite float64 array of shape `points`, or say what is wrong with them."""
        field = np.asarray(values, dtype=np.float64)
        if field.shape != self.points:
            raise ValueError(f"{name}: expected one value a grid point, shape {self.points}; got {field.shape}.")
        if not np.isfinite(field).all():
            bad = np.argwhere(~np.isfinite(field))
            raise ValueError(f"{name}: expected finite values; got {len(bad)} that are not, the first at {bad[0]}.")
        return field
