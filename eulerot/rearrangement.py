"""The rearrangement of the latent space: a rotation and then sweeps of geodesics, in one object."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import schur

from eulerot._types import FloatArray
from eulerot.coordinates import to_box, to_latent
from eulerot.errors import checked_samples
from eulerot.euler.geodesic import Geodesic
from eulerot.source import normal_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from eulerot.tabulated import TabulatedRearrangement

__all__ = ["Rearrangement", "Sweep", "procrustes_rotation"]


def procrustes_rotation(z: FloatArray, x: FloatArray) -> FloatArray:
    """Return the rotation ``R`` in SO(d) that minimises ``mean |x - R z|^2``, equation (13).

    Examples
    --------
    >>> z = np.random.default_rng(0).standard_normal((100, 2))
    >>> quarter = np.array([[0.0, -1.0], [1.0, 0.0]])
    >>> np.allclose(procrustes_rotation(z, z @ quarter.T), quarter)
    True
    """
    left, _, right = np.linalg.svd(np.einsum("ni,nj->ij", x, z) / len(z))
    signs = np.ones(z.shape[1])
    signs[-1] = np.sign(np.linalg.det(left @ right))
    return (left * signs) @ right


def _turned(rotation: FloatArray, share: float) -> FloatArray:
    """Return ``exp(share Omega)`` with ``exp(Omega) = rotation``, by the angles of its planes."""
    schur_form, basis = schur(rotation, output="real")
    dim = len(rotation)
    pairs = [i for i in range(dim - 1) if abs(schur_form[i + 1, i]) > 1e-12]
    alone = set(range(dim)) - {j for i in pairs for j in (i, i + 1)}
    turns = [(i, i + 1, np.arctan2(schur_form[i + 1, i], schur_form[i, i])) for i in pairs]
    reversed_axes = [i for i in sorted(alone) if schur_form[i, i] < 0]  # an even number: half turns of pairs
    turns += [(i, j, np.pi) for i, j in zip(reversed_axes[::2], reversed_axes[1::2], strict=True)]
    turned = np.eye(dim)
    for i, j, angle in turns:
        cos, sin = np.cos(share * angle), np.sin(share * angle)
        turned[[[i], [j]], [i, j]] = [[cos, -sin], [sin, cos]]
    return basis @ turned @ basis.T


def _checked_rotation(name: str, value: ArrayLike) -> FloatArray:
    matrix = np.array(value, dtype=float)
    if matrix.ndim != 2 or not np.allclose(matrix @ matrix.T, np.eye(len(matrix)), atol=1e-10):
        raise ValueError(f"{name}: expected an orthogonal matrix, R R^T = I; got one that is not.")
    return matrix


@dataclass(frozen=True)
class Sweep:
    """Geodesics in disjoint coordinate planes of one turned box: ``Q^T o (X_1 x X_2 x ...) o Q``, equation (3').

    Disjoint planes do not interact, so together they are one geodesic of the box, in any dimension.

    Parameters
    ----------
    geodesics : tuple of Geodesic
        Geodesics of boxes of two or three dimensions.
    axes : ndarray, shape (d, d)
        The rotation ``Q`` of the latent space into the axes of the box.
    planes : tuple of tuple of int
        For each geodesic the axes of the box that it moves; no axis twice. By default the first ones.

    Examples
    --------
    >>> from eulerot.euler.grid import Grid
    >>> still = Geodesic(np.zeros((8, 8)), Grid((8, 8), "cube"))
    >>> Sweep((still,), np.eye(3), ((0, 2),)).forward(np.array([[0.5, -1.0, 2.0]]))
    array([[ 0.5, -1. ,  2. ]])
    """

    geodesics: tuple[Geodesic, ...]
    axes: FloatArray
    planes: tuple[tuple[int, ...], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "geodesics", tuple(self.geodesics))
        object.__setattr__(self, "axes", _checked_rotation("axes", self.axes))
        planes = tuple(tuple(int(i) for i in plane) for plane in self.planes) or (
            (tuple(range(self.geodesics[0].grid.dim)),) if len(self.geodesics) == 1 else ()
        )
        object.__setattr__(self, "planes", planes)
        used = [i for plane in planes for i in plane]
        dims = [geodesic.grid.dim for geodesic in self.geodesics]
        disjoint = len(set(used)) == len(used) and set(used) <= set(range(self.dim))
        if [len(plane) for plane in planes] != dims or not disjoint:
            raise ValueError(
                f"planes: expected for each geodesic as many axes as it has, {dims}, below {self.dim} and none twice; "
                f"got {planes}."
            )

    @property
    def dim(self) -> int:
        """The dimension of the latent space."""
        return len(self.axes)

    def forward(self, latents: FloatArray) -> FloatArray:
        """Return the moved latents."""
        return self._by_planes(latents, lambda geodesic, angles: geodesic.forward_angles(angles))

    def inverse(self, latents: FloatArray) -> FloatArray:
        """Return the latents that `forward` moves to these."""
        return self._by_planes(latents, lambda geodesic, angles: geodesic.inverse_angles(angles))

    def log_abs_det(self, latents: FloatArray) -> FloatArray:
        """Return the logarithm of the factor by which Gaussian volume changes, shape ``(n,)``; equation (16)."""
        total, turned = np.zeros(len(latents)), latents @ self.axes.T
        for geodesic, plane in zip(self.geodesics, self.planes, strict=True):
            _, jacobian = geodesic.jacobian_angles(to_box(turned[:, plane]))
            total += np.log(np.abs(np.linalg.det(jacobian)))
        return total

    def path(self, latents: FloatArray, times: Sequence[float] | FloatArray) -> FloatArray:
        """Return the way of latents at ascending `times` in [0, 1], shape ``(times, n, d)``."""
        turned = latents @ self.axes.T
        way = np.repeat(turned[None], len(times), axis=0)
        for geodesic, plane in zip(self.geodesics, self.planes, strict=True):
            for at, angles in zip(way, geodesic.path_of_angles(to_box(turned[:, plane]), times), strict=True):
                at[:, plane] = to_latent(angles)
        return way @ self.axes

    def _by_planes(self, latents: FloatArray, move: Callable[[Geodesic, FloatArray], FloatArray]) -> FloatArray:
        turned = latents @ self.axes.T
        for geodesic, plane in zip(self.geodesics, self.planes, strict=True):
            turned[:, plane] = to_latent(move(geodesic, to_box(turned[:, plane])))
        return turned @ self.axes


@dataclass(frozen=True)
class Rearrangement:
    """A map ``s`` of the latent space that preserves the standard normal: ``s = S_m o ... o S_1 o R``.

    Parameters
    ----------
    rotation : ndarray, shape (d, d)
        The rotation ``R``, applied first: ``z -> R z``. Equation (13).
    sweeps : tuple of Sweep
        Geodesics of the box, applied in order. Equations (3), (3') and (4).

    Examples
    --------
    >>> identity = Rearrangement.identity(2)
    >>> identity.forward([[0.5, -1.0]])
    array([[ 0.5, -1. ]])
    """

    rotation: FloatArray
    sweeps: tuple[Sweep, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "rotation", _checked_rotation("rotation", self.rotation))
        object.__setattr__(self, "sweeps", tuple(self.sweeps))
        for sweep in self.sweeps:
            if sweep.dim != self.dim:
                raise ValueError(f"sweeps: expected the dimension of the rotation, {self.dim}; got {sweep.dim}.")

    @classmethod
    def identity(cls, dim: int) -> Rearrangement:
        """Return the rearrangement that leaves every latent where it is."""
        return cls(np.eye(dim))

    @property
    def dim(self) -> int:
        """The dimension of the latent space."""
        return len(self.rotation)

    @property
    def geodesics(self) -> tuple[Geodesic, ...]:
        """The geodesics of all sweeps."""
        return tuple(geodesic for sweep in self.sweeps for geodesic in sweep.geodesics)

    @property
    def is_identity(self) -> bool:
        """Whether nothing is moved at all."""
        return not self.sweeps and not self._turns

    def forward(self, z: ArrayLike) -> FloatArray:
        """Return ``s(z)``, shape ``(n, d)``."""
        latents = self._rotated(checked_samples("z", z, dim=self.dim))
        for sweep in self.sweeps:
            latents = sweep.forward(latents)
        return latents

    def inverse(self, y: ArrayLike) -> FloatArray:
        """Return ``s^-1(y)``, shape ``(n, d)``."""
        latents = checked_samples("y", y, dim=self.dim)
        for sweep in reversed(self.sweeps):
            latents = sweep.inverse(latents)
        return latents @ self.rotation if self._turns else latents

    def log_abs_det(self, z: ArrayLike) -> FloatArray:
        """Return the logarithm of the factor by which ``s`` changes Gaussian volume at `z`, shape ``(n,)``.

        This is ``log |det Ds(z)| + log N(s(z)) - log N(z)``, equal to ``log |det DX_1|`` in the box, equation (16):
        zero where ``s`` preserves the Gaussian. Its largest value over a sample is the density error.
        """
        latents = self._rotated(checked_samples("z", z, dim=self.dim))
        total = np.zeros(len(latents))
        for sweep in self.sweeps:
            total += sweep.log_abs_det(latents)
            latents = sweep.forward(latents)
        return total

    def path(self, z: ArrayLike, times: ArrayLike) -> FloatArray:
        """Return the way of `z` to ``s(z)`` at ascending `times` in [0, 1], shape ``(times, n, d)``.

        The rotation, if there is one, and each sweep take equal shares of the time.
        """
        latents = checked_samples("z", z, dim=self.dim)
        when = np.atleast_1d(np.asarray(times, dtype=float))
        if when.ndim != 1 or not np.all((when >= 0) & (when <= 1)) or np.any(np.diff(when) < 0):
            raise ValueError(f"times: expected ascending values in [0, 1]; got {times!r}.")
        local = when * max(1, self._turns + len(self.sweeps))
        result = np.repeat(latents[None], len(when), axis=0)
        if self._turns:
            for i in np.flatnonzero(local <= 1):
                result[i] = latents @ _turned(self.rotation, local[i]).T
        latents = self._rotated(latents)
        for number, sweep in enumerate(self.sweeps, start=int(self._turns)):
            inside = np.flatnonzero((local > number) & (local <= number + 1))
            *between, latents = sweep.path(latents, [*(local[inside] - number), 1.0])
            for i, at in zip(inside, between, strict=True):
                result[i] = at
        return result

    def tabulated(self, *, error: float = 1e-6) -> TabulatedRearrangement:
        """Return this map and its inverse as tables, some hundred times as fast, within `error` of this one.

        Tables are refined until they are within half of `error`, in the latent space, at probes that they do not
        contain, tails included. Equation (18).

        Raises
        ------
        ValueError
            If `error` is not positive, or if a geodesic moves three axes at once.
        ResolutionError
            If no table is fine enough.

        Examples
        --------
        >>> from eulerot.euler.grid import Grid
        >>> x, y = Grid((8, 8), "cube").mesh()
        >>> geodesic = Geodesic(np.sin(x) * np.sin(2 * y), Grid((8, 8), "cube"))
        >>> exact = Rearrangement(np.eye(2), (Sweep((geodesic,), np.eye(2)),))
        >>> fast, z = exact.tabulated(), np.array([[0.3, -1.0], [9.0, -6.0]])
        >>> bool(np.abs(fast.forward(z) - exact.forward(z)).max() < 1e-6), fast.density_error < 1e-4
        (True, True)
        """
        from eulerot.tabulated import tabulated

        return tabulated(self, error=error)

    def plot(self, *, n: int = 400, ax: Axes | None = None) -> Axes:
        """Draw the way that a sample of latents takes."""
        from eulerot import plotting

        return plotting.path(self.path(normal_points(n, self.dim), np.linspace(0, 1, 33)), ax=ax)

    @property
    def _turns(self) -> bool:
        return not np.array_equal(self.rotation, np.eye(self.dim))

    def _rotated(self, latents: FloatArray) -> FloatArray:
        return latents @ self.rotation.T if self._turns else latents
