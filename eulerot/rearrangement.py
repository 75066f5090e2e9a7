"""The rearrangement of the latent space: a rotation and then geodesics, in one object."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from eulerot._types import FloatArray
from eulerot.coordinates import to_box, to_latent
from eulerot.errors import FormatError, checked_samples
from eulerot.euler.geodesic import Geodesic
from eulerot.euler.grid import Grid
from eulerot.euler.integrators import DOP853, RK4
from eulerot.files import read_arrays, write_arrays
from eulerot.source import normal_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Rearrangement", "procrustes_rotation"]

# What `Rearrangement.save` writes; raised when older readers would misread it
_KIND, _VERSION = "eulerot rearrangement", 1
_TABLEAUS = {tableau.name: tableau for tableau in (RK4, DOP853)}


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


@dataclass(frozen=True)
class Rearrangement:
    """A map ``s`` of the latent space that preserves the standard normal: ``s = X_m o ... o X_1 o R``.

    Parameters
    ----------
    rotation : ndarray, shape (d, d)
        The rotation ``R``, applied first: ``z -> R z``. Equation (13).
    geodesics : tuple of Geodesic
        Geodesics of the box, applied in order. Equations (3) and (4).

    Examples
    --------
    >>> identity = Rearrangement.identity(2)
    >>> identity.forward([[0.5, -1.0]])
    array([[ 0.5, -1. ]])
    """

    rotation: FloatArray
    geodesics: tuple[Geodesic, ...] = ()

    def __post_init__(self) -> None:
        rotation = np.array(self.rotation, dtype=float)
        if rotation.ndim != 2 or not np.allclose(rotation @ rotation.T, np.eye(len(rotation)), atol=1e-10):
            raise ValueError("rotation: expected an orthogonal matrix, R R^T = I; got one that is not.")
        if self.geodesics and len(rotation) != 2:
            raise ValueError(f"geodesics: expected a latent space of dimension 2; got {len(rotation)}.")
        object.__setattr__(self, "rotation", rotation)
        object.__setattr__(self, "geodesics", tuple(self.geodesics))

    @classmethod
    def identity(cls, dim: int) -> Rearrangement:
        """Return the rearrangement that leaves every latent where it is."""
        return cls(np.eye(dim))

    @property
    def dim(self) -> int:
        """The dimension of the latent space."""
        return len(self.rotation)

    @property
    def is_identity(self) -> bool:
        """Whether nothing is moved at all."""
        return not self.geodesics and np.array_equal(self.rotation, np.eye(self.dim))

    def forward(self, z: ArrayLike) -> FloatArray:
        """Return ``s(z)``, shape ``(n, d)``."""
        latents = self._rotated(checked_samples("z", z, dim=self.dim))
        if not self.geodesics:
            return latents
        distances = to_box(latents)
        for geodesic in self.geodesics:
            distances = geodesic.forward_angles(distances)
        return to_latent(distances)

    def inverse(self, y: ArrayLike) -> FloatArray:
        """Return ``s^-1(y)``, shape ``(n, d)``."""
        latents = checked_samples("y", y, dim=self.dim)
        if self.geodesics:
            distances = to_box(latents)
            for geodesic in reversed(self.geodesics):
                distances = geodesic.inverse_angles(distances)
            latents = to_latent(distances)
        return latents if np.array_equal(self.rotation, np.eye(self.dim)) else latents @ self.rotation

    def log_abs_det(self, z: ArrayLike) -> FloatArray:
        """Return the logarithm of the factor by which ``s`` changes Gaussian volume at `z`, shape ``(n,)``.

        This is ``log |det Ds(z)| + log N(s(z)) - log N(z)``, equal to ``log |det DX_1|`` in the box, equation (16):
        zero where ``s`` preserves the Gaussian. Its largest value over a sample is the density error.
        """
        latents = self._rotated(checked_samples("z", z, dim=self.dim))
        total, distances = np.zeros(len(latents)), to_box(latents)
        for geodesic in self.geodesics:
            distances, jacobian = geodesic.jacobian_angles(distances)
            total += np.log(np.abs(np.linalg.det(jacobian)))
        return total

    def path(self, z: ArrayLike, times: ArrayLike) -> FloatArray:
        """Return the way of `z` to ``s(z)`` at ascending `times` in [0, 1], shape ``(times, n, d)``.

        The rotation, if there is one, and each geodesic take equal shares of the time.
        """
        latents = checked_samples("z", z, dim=self.dim)
        raw = np.atleast_1d(np.asarray(times))
        when = raw.astype(float) if raw.dtype.kind in "fiub" else np.full(1, np.nan)
        if when.ndim != 1 or not np.all((when >= 0) & (when <= 1)) or np.any(np.diff(when) < 0):
            raise ValueError(f"times: expected ascending values in [0, 1]; got {times!r}.")
        turns = not np.array_equal(self.rotation, np.eye(self.dim))
        pieces = max(1, turns + len(self.geodesics))
        local = when * pieces
        result = np.empty((len(when), *latents.shape))
        result[:] = latents
        if turns:
            for i in np.flatnonzero(local <= 1):
                result[i] = latents @ self._turned(local[i]).T
        distances = to_box(self._rotated(latents))
        for number, geodesic in enumerate(self.geodesics, start=int(turns)):
            inside = np.flatnonzero((local > number) & (local <= number + 1))
            *between, distances = geodesic.path_of_angles(distances, [*(local[inside] - number), 1.0])
            for i, at in zip(inside, between, strict=True):
                result[i] = to_latent(at)
        return result

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the map to a file, all of it or nothing; the path gets no suffix.

        Parameters
        ----------
        path : path-like
            An npz file, without pickle and with a checksum.

        Raises
        ------
        ValueError
            If a geodesic uses a scheme of your own, which no file could name.
        OSError
            If the file cannot be written; an old one stays as it is.

        Examples
        --------
        >>> import os, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "map.npz")
        ...     Rearrangement.identity(2).save(path)
        ...     Rearrangement.load(path).is_identity
        True
        """
        arrays: dict[str, ArrayLike] = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "geodesics"}
        arrays["geodesics"] = len(self.geodesics)
        for number, geodesic in enumerate(self.geodesics):
            arrays |= {f"geodesic_{number}_{name}": value for name, value in _stored(geodesic).items()}
        write_arrays(path, arrays, kind=_KIND, version=_VERSION)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, threads: int | None = None) -> Rearrangement:
        """Return the map of a file that `save` wrote, equal to the last bit.

        Parameters
        ----------
        path : path-like
            The file.
        threads : int, optional
            Threads over particles; all processors by default. Results do not depend on it.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        FormatError
            If it is not a rearrangement's file, or is truncated, altered, or of a newer version.
        """
        arrays = read_arrays(path, kind=_KIND, version=_VERSION)
        threads = threads or os.cpu_count() or 1
        try:
            geodesics = tuple(_restored(arrays, f"geodesic_{i}_", threads) for i in range(int(arrays.pop("geodesics"))))
            return cls(geodesics=geodesics, **arrays)
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError(f"{path}: expected a rearrangement; got arrays that make none ({error}).") from error

    def plot(self, *, n: int = 400, ax: Axes | None = None) -> Axes:
        """Draw the way that a sample of latents takes."""
        from eulerot import plotting

        return plotting.path(self.path(normal_points(n, self.dim), np.linspace(0, 1, 33)), ax=ax)

    def _rotated(self, latents: FloatArray) -> FloatArray:
        return latents if np.array_equal(self.rotation, np.eye(self.dim)) else latents @ self.rotation.T

    def _turned(self, share: float) -> FloatArray:
        """Return ``exp(share Omega)`` with ``exp(Omega) = R``."""
        angle = share * math.atan2(self.rotation[1, 0], self.rotation[0, 0])
        return np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])


def _stored(geodesic: Geodesic) -> dict[str, ArrayLike]:
    """Return a geodesic as named arrays; not its threads, on which nothing depends."""
    tableau, grid = geodesic.tableau, geodesic.grid
    known = _TABLEAUS.get(tableau.name)
    if known is None or not (np.array_equal(tableau.a, known.a) and np.array_equal(tableau.b, known.b)):
        raise ValueError(f"tableau: expected one of {tuple(_TABLEAUS)} to save; got another, {tableau.name!r}.")
    return {
        "field0": geodesic.field0, "time": geodesic.time, "steps": geodesic.steps, "tableau": tableau.name,
        "points": grid.points, "domain": grid.domain, "lengths": grid.sides, "dealiasing": grid.dealiasing,
    }  # fmt: skip


def _restored(arrays: dict[str, np.ndarray], prefix: str, threads: int) -> Geodesic:
    """Take a geodesic out of named arrays."""

    def take(name: str) -> np.ndarray:
        return arrays.pop(prefix + name)

    points, lengths = tuple(take("points").tolist()), tuple(take("lengths").tolist())
    grid = Grid(points, str(take("domain")), lengths=lengths, dealiasing=str(take("dealiasing")))
    return Geodesic(
        take("field0"), grid, time=float(take("time")), steps=int(take("steps")),
        tableau=_TABLEAUS[str(take("tableau"))], threads=threads,
    )  # fmt: skip
