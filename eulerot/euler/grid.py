"""Domain, wavenumbers, parity and truncation: all the geometry, in one immutable object."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike

from eulerot._cached import kept, state_of
from eulerot._ranks import ALONE, Ranks
from eulerot._types import FloatArray
from eulerot.checks import check_unmasked, checked_array, checked_count, checked_samples
from eulerot.euler.sizes import checked_lengths, checked_points

__all__ = ["MOST_DENSE", "Grid", "checked_grid"]

DOMAINS = ("torus", "cube")
DEALIASING = ("2/3", "3/2")
# The most points an axis of a box whose transforms are products with matrices, in the plane and in space
MOST_DENSE = {2: 216, 3: 48}
# Columns of coefficients that are transformed along the first axis at a time take this many bytes at most in space, and
# twice as many in the plane, where their rows are short to copy
_BLOCK_BYTES = 2**19


def _fast_size(least: int) -> int:
    """Return the smallest number from `least` on that has no prime factor above five: its transforms are quick."""
    return scipy.fft.next_fast_len(least, real=True)


@dataclass(frozen=True)
class Grid:
    """The points of a periodic domain or of a box with slip walls, and the Fourier modes kept on them.

    Sign convention in two dimensions: ``omega = v_x - u_y = -Laplace psi`` and ``u = (d_y psi, -d_x psi)``,
    equation (5).

    Parameters
    ----------
    points : tuple of two or three int
        Points an axis.
    domain : {"torus", "cube"}
        ``"torus"`` is periodic, ``[0, 2 pi)^d`` with points ``2 pi j / n``. ``"cube"`` is the box ``[0, pi]^d`` with
        slip walls and the cell centres ``pi (j + 1/2) / n``; its fields have the parity of equation (5).
    lengths : tuple of float, optional
        Sides of the domain; periods on the torus.
    dealiasing : {"2/3", "3/2"}
        How quadratic products become exact on the kept modes, equation (7). ``"2/3"`` truncates: ``|k| < n/3`` on the
        torus, ``k < 2n/3`` in the box, and products are formed on the points themselves. ``"3/2"`` keeps all that the
        points resolve, ``|k| < n/2`` or ``k < n``, and forms products on a finer grid.

    Raises
    ------
    ValueError
        If an argument is out of its range, or an axis has too few points to keep one mode.

    See Also
    --------
    eulerot.solve_euler : Solve the Euler equations.
    eulerot.Geodesic : A geodesic and its flow map.

    References
    ----------
    S. A. Orszag, J. Atmos. Sci. 28:1074 (1971), https://doi.org/10.1175/1520-0469%281971%29028%3C1074:OTEOAI%3E2.0.CO;2.

    Examples
    --------
    >>> Grid((256, 256)).modes
    (85, 85)
    >>> Grid((64, 64, 64), "cube", dealiasing="3/2").product_points
    (96, 96, 96)
    >>> Grid.from_modes(16, domain="cube").points
    (25, 25)
    """

    points: tuple[int, ...]
    domain: str = "torus"
    _: KW_ONLY
    lengths: tuple[float, ...] | None = None
    dealiasing: str = "2/3"

    def __post_init__(self) -> None:
        for name, allowed in (("domain", DOMAINS), ("dealiasing", DEALIASING)):
            if not (isinstance(getattr(self, name), str) and getattr(self, name) in allowed):
                raise ValueError(f"{name}: expected one of {allowed}; got {getattr(self, name)!r}. Choose one of them.")
        object.__setattr__(self, "points", checked_points(self.points))
        side = math.pi if self.walls else 2 * math.pi
        lengths = (side,) * self.dim if self.lengths is None else checked_lengths(self.lengths, self.dim)
        object.__setattr__(self, "lengths", lengths)
        if min(self.modes) < 1:
            least = {("torus", "2/3"): 4, ("torus", "3/2"): 3}.get((self.domain, self.dealiasing), 2)
            raise ValueError(f"points: expected at least {least} points an axis; got {self.points}. Use a finer grid.")

    def __getstate__(self) -> dict[str, object]:
        return state_of(self)

    @classmethod
    def from_modes(cls, modes: int, *, domain: str = "cube", dim: int = 2) -> Grid:
        """Return the smallest grid with fast transforms that keeps at least `modes` modes an axis.

        Examples
        --------
        >>> Grid.from_modes(5, domain="torus", dim=3).modes
        (5, 5, 5)
        """
        modes, dim = checked_count("modes", modes, advice="Sixteen is a good start."), checked_count("dim", dim)
        n = least = math.floor(modes * (3 if domain == "torus" else 1.5)) + 1
        while cls((n, n), domain).modes[0] == modes and _fast_size(n) != n:
            n += 1
        if cls((n, n), domain).modes[0] > modes:  # no fast size keeps exactly these modes
            n = least
        return cls((n,) * dim, domain)

    def with_modes(self, modes: int) -> Grid:
        """Return the grid of the same domain whose size is the next fast one that keeps at least `modes` modes an axis.

        In a box of few points, whose transforms are products with matrices, that is the next even one.

        Examples
        --------
        >>> Grid.from_modes(24).with_modes(24).points  # 37, which is odd, would keep 24 exactly
        (38, 38)
        """
        points = math.floor(modes * (1.5 if self.walls else 3)) + 1
        points = points + points % 2 if self.walls and points <= MOST_DENSE[self.dim] else _fast_size(points)
        return Grid((points,) * self.dim, self.domain, lengths=self.lengths)

    @property
    def dim(self) -> int:
        """Return the dimension, two or three."""
        return len(self.points)

    @property
    def walls(self) -> bool:
        """Return whether the domain has walls."""
        return self.domain == "cube"

    @kept
    def sides(self) -> tuple[float, ...]:
        """Return the lengths of the sides."""
        assert self.lengths is not None
        return self.lengths

    @kept
    def scales(self) -> FloatArray:
        """Return the wavenumber of the first mode on each axis: the angle of a position is ``scales * position``."""
        return (np.pi if self.walls else 2 * np.pi) / np.array(self.sides)

    @kept
    def modes(self) -> tuple[int, ...]:
        """Return the highest mode kept on each axis."""
        half_periods = 2 if self.walls else 1  # points count twice in the box, whose parity extension is twice as long
        if self.dealiasing == "2/3":
            return tuple(-(-half_periods * n // 3) - 1 for n in self.points)
        return tuple(-(-half_periods * n // 2) - 1 for n in self.points)

    @kept
    def product_points(self) -> tuple[int, ...]:
        """Return the numbers of points on which quadratic products are formed."""
        if self.dealiasing == "2/3":
            return self.points
        return tuple(_fast_size((3 * k) // (2 if self.walls else 1) + 1) for k in self.modes)

    @kept
    def axis_modes(self) -> tuple[FloatArray, ...]:
        """Return the mode numbers of the kept coefficients along each axis.

        On the torus ``0 .. K, -K .. -1``, on the last axis ``0 .. K``, half of a Hermitian spectrum. In the box
        ``0 .. K``, of which sines leave the first empty; but ``1 .. K`` in two dimensions, where no field that the
        equations need has a mean along an axis.
        """
        if self.walls:
            first = 1 if self.dim == 2 else 0
            return tuple(np.arange(first, k + 1.0) for k in self.modes)
        *full, last = self.modes
        return (*(np.r_[0.0 : k + 1, -k:0] for k in full), np.arange(last + 1.0))

    @kept
    def shape_hat(self) -> tuple[int, ...]:
        """Return the shape of an array of kept coefficients."""
        return tuple(len(k) for k in self.axis_modes)

    @property
    def dtype_hat(self) -> type:
        """Return the type of the kept coefficients: real in the box, complex on the torus."""
        return np.float64 if self.walls else np.complex128

    def zeros_hat(self, *leading: int) -> np.ndarray:
        """Return zero coefficients, with leading axes."""
        return np.zeros((*leading, *self.shape_hat), self.dtype_hat)

    @kept
    def wavenumbers(self) -> tuple[FloatArray, ...]:
        """Return the wavenumbers of the kept coefficients along each axis, shaped to broadcast."""
        scaled = [scale * k for scale, k in zip(self.scales, self.axis_modes, strict=True)]
        return tuple(np.meshgrid(*scaled, indexing="ij", sparse=True))

    @kept
    def laplacian(self) -> FloatArray:
        """Return the symbol of minus the Laplacian, ``|k|^2``."""
        return sum((k**2 for k in self.wavenumbers), start=np.zeros(self.shape_hat))

    @kept
    def inverse_laplacian(self) -> FloatArray:
        """Return the symbol of the inverse of minus the Laplacian; zero on the mean."""
        symbol = self.laplacian
        return np.divide(1.0, symbol, out=np.zeros_like(symbol), where=symbol > 0)

    @kept
    def axis_weights(self) -> tuple[FloatArray, ...]:
        """Return the factors of Parseval's weights along each axis."""
        if self.walls:  # the mean of a squared sine or cosine is a half
            return tuple(np.where(k > 0, 0.5, 1.0) for k in self.axis_modes)
        *full, last = self.axis_modes  # the plane 0 of the last axis holds both k and -k
        return (*(np.ones(len(k)) for k in full), np.where(last == 0, 1.0, 2.0))

    @kept
    def weights(self) -> FloatArray:
        """Return Parseval's weights: ``mean f^2 = sum weights |f_hat|^2``."""
        return np.prod(np.broadcast_arrays(*np.ix_(*self.axis_weights)), axis=0)

    @property
    def ranks(self) -> Ranks:
        """Return the processes that share the coefficients; this one alone has all."""
        return ALONE

    @property
    def whole(self) -> Grid:
        """Return the grid with all coefficients."""
        return self

    @kept
    def column_edges(self) -> list[int]:
        """Return where the columns of each process, places along the second axis, begin, and those of the last end."""
        return [0, self.shape_hat[1]]

    @kept
    def columns(self) -> slice:
        """Return which of all columns these coefficients are."""
        return slice(*self.column_edges[self.ranks.number : self.ranks.number + 2])

    @kept
    def block_columns(self) -> int:
        """Return how many columns make a block, on which the first axis is transformed."""
        column_bytes = self.product_points[0] * math.prod(self.shape_hat[2:]) * np.dtype(self.dtype_hat).itemsize
        columns = self.shape_hat[1]
        blocks = -(-columns // max(1, (4 - self.dim) * _BLOCK_BYTES // column_bytes))
        return -(-columns // blocks)

    @kept
    def blocks(self) -> list[slice]:
        """Return the blocks of these columns."""
        width, count = self.block_columns, self.shape_hat[1]
        return [slice(start, min(start + width, count)) for start in range(0, count, width)]

    def assembled(self, field_hat: np.ndarray) -> np.ndarray:
        """Return all coefficients of a field, those of other processes included; leading axes are kept."""
        return self.ranks.joined(field_hat, 1 - self.dim)

    def part_of(self, field_hat: np.ndarray) -> np.ndarray:
        """Return the coefficients of this grid of all those of a field; leading axes are kept."""
        return np.ascontiguousarray(np.moveaxis(np.moveaxis(field_hat, 1 - self.dim, 0)[self.columns], 0, 1 - self.dim))

    @kept
    def axes(self) -> tuple[FloatArray, ...]:
        """Return the coordinates of the grid points along each axis."""
        shift = 0.5 if self.walls else 0.0
        return tuple(side * (np.arange(n) + shift) / n for side, n in zip(self.sides, self.points, strict=True))

    def mesh(self) -> tuple[FloatArray, ...]:
        """Return the coordinates of all grid points, each of shape `points`, with ``ij`` indexing."""
        return tuple(np.meshgrid(*self.axes, indexing="ij"))

    def checked_field(self, name: str, values: ArrayLike, *, components: int = 0) -> FloatArray:
        """Return finite float64 grid values of shape `points`, with a leading axis of `components` if there are any.

        Raises
        ------
        ValueError
            If the shape is another, or a value is masked or not finite.
        """
        field = np.array(checked_array(name, values))
        expected = (components, *self.points) if components else self.points
        if field.shape != expected:
            what = f"{components} components" if components else "one value"
            raise ValueError(f"{name}: expected {what} a grid point, shape {expected}; got {field.shape}.")
        bad = np.argwhere(~np.isfinite(field))
        if len(bad):
            raise ValueError(f"{name}: expected finite values; got {len(bad)} that are not, the first at {bad[0]}.")
        return field

    def checked_coefficients(self, name: str, values: ArrayLike, *, components: int = 0) -> np.ndarray:
        """Return a copy of finite kept coefficients, with a leading axis of `components` if there are any.

        Raises
        ------
        ValueError
            If the shape is another, or a coefficient is masked, complex in the box, or not finite.
        """
        check_unmasked(name, values)
        coefficients = np.array(values)
        expected = (components, *self.shape_hat) if components else self.shape_hat
        if coefficients.shape != expected or coefficients.dtype.kind not in ("fiu" if self.walls else "fiuc"):
            kind = "real" if self.walls else "complex"
            raise ValueError(
                f"{name}: expected {kind} coefficients of shape {expected}; got shape {coefficients.shape}, dtype "
                f"{coefficients.dtype}."
            )
        if not np.isfinite(coefficients).all():
            raise ValueError(f"{name}: expected finite coefficients; got some that are not.")
        return coefficients.astype(self.dtype_hat)

    def checked_positions(self, name: str, positions: ArrayLike) -> FloatArray:
        """Return finite float64 positions of shape ``(n, d)``, within the walls if there are any.

        Raises
        ------
        ValueError
            If they are no such samples, or if some are outside.
        """
        points = checked_samples(name, positions, dim=self.dim)
        if self.walls and np.any(beyond := (points < 0) | (points > self.sides)):
            outside = np.flatnonzero(beyond.any(axis=1))
            raise ValueError(
                f"{name}: expected positions between 0 and the sides {self.sides}; got {len(outside)} outside, the "
                f"first of them row {outside[0]}. Positions are those of the box, not latents."
            )
        return points


def checked_grid(grid: object) -> Grid:
    """Return a grid, or say that it is none."""
    if not isinstance(grid, Grid):
        raise ValueError(f"grid: expected a Grid; got {grid!r}. Pass eulerot.Grid(points).")
    return grid
