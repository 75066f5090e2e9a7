"""The rearrangement of the latent space: a rotation or reflection and then sweeps of geodesics, in one object."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eulerot._cached import kept, state_of
from eulerot._extras import check_installed
from eulerot._linear_algebra import product
from eulerot._summary import in_one_line
from eulerot._types import FloatArray
from eulerot.checks import (
    checked_array,
    checked_choice,
    checked_rotation,
    checked_samples,
    checked_threads,
    checked_times,
)
from eulerot.errors import FormatError
from eulerot.euler.certificate import CompositionCertificate
from eulerot.euler.geodesic import Geodesic
from eulerot.euler.resolution import geodesic_error
from eulerot.files import decoded, encoded, read_arrays, write_arrays
from eulerot.latent.circle import wrapped
from eulerot.latent.source import source_points
from eulerot.rearrangement.archive import KIND, VERSION, restored_parts, stored_parts, version_of
from eulerot.rearrangement.conditional import ConditionalSweep
from eulerot.rearrangement.isometry import Isometry
from eulerot.rearrangement.pullback import pulled_through
from eulerot.rearrangement.sweep import Sweep
from eulerot.rearrangement.tabulated import TabulatedRearrangement, tabulated

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from eulerot.rearrangement.exports.torch_map import TorchRearrangement

__all__ = ["Rearrangement"]


@dataclass(frozen=True)
class Rearrangement:
    """A map ``s`` of the latent space that preserves the source: ``s = S_m o ... o S_1 o R``.

    The source is the standard normal; on the torus it is the uniform law of angles, and ``R`` is a shift.

    Parameters
    ----------
    rotation : ndarray, shape (d, d)
        The orthogonal matrix ``R``, applied first: ``z -> R z``. Equation (13). Its determinant is -1, that of a
        reflection, where the flow reverses orientation; equation (23).
    sweeps : tuple of Sweep or ConditionalSweep
        Geodesics of the box, applied in order. Equations (3), (3'') and (4). Among them may be conditional planes,
        which preserve the source too, but are no geodesics. Equation (28).
    shift : ndarray, shape (d,), optional
        On the torus, the shift that follows ``R``; given at all, it says that latents are angles, which ``R`` permutes
        and whose signs it changes.

    See Also
    --------
    eulerot.fit : Fit a map to pairs.
    eulerot.Sweep : Geodesics in disjoint planes.
    eulerot.TabulatedRearrangement : A map read from tables.
    eulerot.Geodesic : A geodesic and its flow map.

    References
    ----------
    G. Morel, L. Drumetz, S. Benaichouche, N. Courty, F. Rousseau, arXiv:2209.10873 (2022).
    V. I. Arnold, Ann. Inst. Fourier 16:319 (1966), https://doi.org/10.5802/aif.233.

    Examples
    --------
    >>> identity = Rearrangement.identity(2)
    >>> identity.forward([[0.5, -1.0]])
    array([[ 0.5, -1. ]])
    """

    rotation: FloatArray
    sweeps: tuple[Sweep | ConditionalSweep, ...] = ()
    shift: FloatArray | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "rotation", checked_rotation("rotation", self.rotation))
        object.__setattr__(self, "sweeps", tuple(self.sweeps))
        if self.shift is not None:
            object.__setattr__(self, "shift", checked_array("shift", self.shift).copy())
            if np.shape(self.shift) != (self.dim,):
                raise ValueError(f"shift: expected {self.dim} angles; got shape {np.shape(self.shift)}.")
            if not np.isin(self.rotation, (-1.0, 0.0, 1.0)).all():
                raise ValueError("rotation: expected a permutation of angles with signs; got another rotation.")
        for sweep in self.sweeps:
            if any(geodesic.grid.domain != self.domain for geodesic in sweep.geodesics):
                raise ValueError(f"sweeps: expected geodesics of the {self.domain}; got another domain.")
            if isinstance(sweep, ConditionalSweep) and self.domain != "cube":
                raise ValueError("sweeps: expected geodesics of the torus; got conditional planes of normal latents.")
            if sweep.dim != self.dim:
                raise ValueError(f"sweeps: expected the dimension of the rotation, {self.dim}; got {sweep.dim}.")

    def __getstate__(self) -> dict[str, object]:
        return state_of(self)

    def __str__(self) -> str:
        """Return what the map is made of, in a line."""
        count, parts = len(self.geodesics), list[str]()
        if self.reflection is not None:
            parts.append("a reflection")
        elif self._isometry.rotates:
            parts.append("a rotation")
        if self._isometry.shifts:
            parts.append("a shift")
        if count:
            parts.append(f"{count} geodesic{'s' if count > 1 else ''}")
        if self.conditional_planes:
            parts.append(f"{self.conditional_planes} conditional planes")
        latents = "latents" if self.shift is None else "angles"
        return f"{', '.join(parts) or 'the identity'} of {self.dim} {latents}"

    def __repr__(self) -> str:
        return in_one_line(self)

    @classmethod
    def identity(cls, dim: int, *, domain: str = "cube") -> Rearrangement:
        """Return the rearrangement that leaves every latent where it is."""
        return cls(np.eye(dim), shift=np.zeros(dim) if domain == "torus" else None)

    @property
    def dim(self) -> int:
        """The dimension of the latent space."""
        return len(self.rotation)

    @property
    def domain(self) -> str:
        """``"cube"`` for normal latents, ``"torus"`` for angles."""
        return "cube" if self.shift is None else "torus"

    @property
    def geodesics(self) -> tuple[Geodesic, ...]:
        """The geodesics of all sweeps."""
        return tuple(geodesic for sweep in self.sweeps for geodesic in sweep.geodesics)

    @property
    def conditional_planes(self) -> int:
        """The number of conditional planes, of all sweeps: maps that are no geodesics; equation (28)."""
        return sum(len(sweep.planes) for sweep in self.sweeps if isinstance(sweep, ConditionalSweep))

    @property
    def is_identity(self) -> bool:
        """Whether nothing is moved at all."""
        return not (self.sweeps or self._isometry.rotates or self._isometry.shifts)

    @property
    def reflection(self) -> FloatArray | None:
        """The axis along which latents are reflected before all else, shape ``(d,)``; None if orientation is kept."""
        return self._isometry.reflection

    def forward(self, z: ArrayLike) -> FloatArray:
        """Return ``s(z)``, shape ``(n, d)``."""
        latents = self._isometry.forward(checked_samples("z", z, dim=self.dim))
        for sweep in self.sweeps:
            latents = sweep.forward(latents)
        return latents

    def inverse(self, y: ArrayLike) -> FloatArray:
        """Return ``s^-1(y)``, shape ``(n, d)``."""
        latents = checked_samples("y", y, dim=self.dim)
        for sweep in reversed(self.sweeps):
            latents = sweep.inverse(latents)
        return self._isometry.inverse(latents)

    @kept
    def geodesic_error(self) -> float:
        """The largest distance of a geodesic's map from that of the Euler equations, of its displacement; (20)."""
        return max((geodesic_error(geodesic) for geodesic in self.geodesics), default=0.0)

    def certificate(self) -> CompositionCertificate:
        """Return what is known of the geodesics as shortest paths, each for itself; equation (21).

        The rotation or reflection comes before all of them and has no part in it.

        Raises
        ------
        ValueError
            If there are conditional planes, of which the equation says nothing.
        """
        return CompositionCertificate(tuple(sweep.certificate() for sweep in self.sweeps))

    def log_abs_det(self, z: ArrayLike) -> FloatArray:
        """Return the logarithm of the factor by which ``s`` changes Gaussian volume at `z`, shape ``(n,)``.

        This is ``log |det Ds(z)| + log N(s(z)) - log N(z)``, equal to ``log |det DX_1|`` in the box, equation (16):
        zero where ``s`` preserves the Gaussian. Its largest value over a sample is the density error.
        """
        latents = self._isometry.forward(checked_samples("z", z, dim=self.dim))
        total = np.zeros(len(latents))
        for sweep in self.sweeps:
            total += sweep.log_abs_det(latents)
            latents = sweep.forward(latents)
        return total

    def pullback(self, z: ArrayLike, covectors: ArrayLike) -> FloatArray:
        """Return ``Ds(z)^T c`` for covectors `c` at ``s(z)``: the derivative by `z` of ``sum(c s(z))``, ``(n, d)``.

        Exact for the steps that the code takes, as `Geodesic.gradient` is.

        Parameters
        ----------
        z : array_like, shape (n, d)
            Latents.
        covectors : array_like, shape (n, d)
            For each of them the derivative of an objective by ``s(z)``.

        Raises
        ------
        ValueError
            If the arrays are not finite samples of one common shape.

        Examples
        --------
        >>> turn = Rearrangement(np.array([[0.0, -1.0], [1.0, 0.0]]))
        >>> turn.pullback([[0.3, 0.4]], [[1.0, 2.0]])
        array([[ 2., -1.]])
        """
        latents, bars = self._checked_pair("z", z, covectors)
        return product(pulled_through(self.sweeps, self._isometry.forward(latents), bars), self.rotation)

    def inverse_pullback(self, y: ArrayLike, covectors: ArrayLike) -> FloatArray:
        """Return the transposed Jacobians of ``s^-1`` at `y` times covectors at ``s^-1(y)``, shape ``(n, d)``.

        Exact for the steps of `inverse`, which go backwards in time: the Jacobians are the inverses of those of ``s``
        up to the error of the steps.

        Raises
        ------
        ValueError
            If the arrays are not finite samples of one common shape.

        Examples
        --------
        >>> turn = Rearrangement(np.array([[0.0, -1.0], [1.0, 0.0]]))
        >>> turn.inverse_pullback([[0.3, 0.4]], [[2.0, -1.0]])
        array([[1., 2.]])
        """
        latents, bars = self._checked_pair("y", y, covectors)
        return pulled_through(self.sweeps, latents, product(bars, self.rotation.T), backward=True)

    def path(self, z: ArrayLike, times: ArrayLike) -> FloatArray:
        """Return the path of `z` to ``s(z)`` at ascending `times` in [0, 1], shape ``(times, n, d)``.

        The rotation, if there is one, and each sweep take equal shares of the time. A reflection takes none, and
        neither does a shift that sweeps follow: both happen right after time 0, at which the path is at `z`.
        """
        latents = checked_samples("z", z, dim=self.dim)
        when = checked_times("times", times)
        start, reflected = (latents if self.shift is None else wrapped(latents)), self._isometry.reflected(latents)
        result = self._start_of_path(reflected, when)
        latents = self._isometry.forward(latents)
        for sweep, indices, shares in self.schedule(when):
            if sweep is None:
                for i, share in zip(indices, shares, strict=True):
                    result[i] = self._isometry.along(reflected, share)
                continue
            *between, latents = sweep.path(latents, [*shares, 1.0])
            for i, at in zip(indices, between, strict=True):
                result[i] = at
        result[when == 0] = start
        return result

    def schedule(
        self, times: FloatArray
    ) -> Iterator[tuple[Sweep | ConditionalSweep | None, NDArray[np.intp], FloatArray]]:
        """Yield what moves latents in turn, the times at which it does, by index, and the shares of it that are done.

        The rotation, for which None stands, and the sweeps take equal shares of the time.
        """
        moves = [None] * self._isometry.takes_time + list(self.sweeps)
        local = times * len(moves)
        for number, sweep in enumerate(moves):
            inside = np.flatnonzero((local > number if number else local >= 0) & (local <= number + 1))
            yield sweep, inside, local[inside] - number

    def tabulated(self, *, error: float = 1e-6) -> TabulatedRearrangement:
        """Return this map and its inverse as tables, some twenty times as fast, within `error` of this one.

        Tables are refined until they are within half of `error`, in the latent space, at probes that they do not
        contain. Latents beyond 7, where they end, are moved exactly. Equation (19).

        Raises
        ------
        ValueError
            If `error` is not positive, if latents are angles, if a geodesic moves three axes at once, or if there are
            conditional planes, whose tables would have as many axes as there are dimensions.
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
        return tabulated(self, error=error)

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
        write_arrays(path, self._arrays(), kind=KIND, version=version_of(self.sweeps))

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
        return cls._restored(path, read_arrays(path, kind=KIND, version=VERSION), checked_threads(threads))

    def to_bytes(self) -> bytes:
        """Return what `save` writes to a file.

        Examples
        --------
        >>> Rearrangement.from_bytes(Rearrangement.identity(2).to_bytes()).is_identity
        True
        """
        return encoded(self._arrays(), KIND, version_of(self.sweeps))

    @classmethod
    def from_bytes(cls, data: bytes, *, threads: int | None = None) -> Rearrangement:
        """Return the map of what `to_bytes` returned, equal to the last bit; see `load`."""
        what = "the bytes of a map"
        return cls._restored(what, decoded(what, data, kind=KIND, version=VERSION), checked_threads(threads))

    def _arrays(self) -> dict[str, ArrayLike]:
        return stored_parts(self.rotation, self.sweeps, self.shift)

    @classmethod
    def _restored(cls, path: str | os.PathLike[str], arrays: dict[str, np.ndarray], threads: int) -> Rearrangement:
        try:
            return cls(*restored_parts(arrays, threads))
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError(f"{path}: expected a rearrangement; got arrays that make none ({error}).") from error

    def to_torch(self) -> TorchRearrangement:
        """Return the map as a ``torch.nn.Module`` that is a ``torch.distributions.transforms.Transform``, too.

        Values and derivatives are those of `forward`, `inverse`, `pullback` and `inverse_pullback`, computed in double
        precision on the processor, whatever the dtype and the device of a tensor, which the result has again. Leading
        axes are batch axes. Derivatives are reverse-mode and once only. For tensor operations alone, under
        ``torch.compile`` and on a GPU, see `TabulatedRearrangement.to_torch`. Needs torch: ``eulerot[torch]``.

        Returns
        -------
        eulerot.rearrangement.exports.torch_map.TorchRearrangement
            With ``__call__``, ``inv``, ``log_abs_det_jacobian``, ``log_abs_det``; the map is in its ``state_dict``.

        Raises
        ------
        ImportError
            If torch is missing.
        """
        check_installed("torch", extra="torch", user="to_torch")
        from eulerot.rearrangement.exports.torch_map import TorchRearrangement

        return TorchRearrangement(self)

    def to_jax(self, *, library: str = "flowjax") -> Any:
        """Return the map as a bijection of flowjax or a bijector of distrax.

        Values and derivatives are those of `forward`, `inverse`, `pullback` and `inverse_pullback`, computed by a
        callback in double precision on the host, under ``jit``, ``vmap`` and reverse-mode ``grad``, once. Latents that
        are not finite become not a number. For array operations alone see `TabulatedRearrangement.to_jax`. Needs jax
        and the library: ``eulerot[jax]``.

        Parameters
        ----------
        library : {"flowjax", "distrax"}
            Whose object it is to be.

        Raises
        ------
        ImportError
            If jax or the library is missing.
        """
        check_installed(checked_choice("library", library, ("flowjax", "distrax")), extra="jax", user="to_jax")
        from eulerot.rearrangement.exports.jax_map import HostMap

        if library == "flowjax":
            from eulerot.rearrangement.exports.jax_flowjax import FlowjaxRearrangement

            return FlowjaxRearrangement(HostMap(self), (self.dim,))
        from eulerot.rearrangement.exports.jax_distrax import DistraxRearrangement

        return DistraxRearrangement(HostMap(self))

    def plot(self, *, n: int = 400, ax: Axes | None = None) -> Axes:
        """Draw the paths of a sample of latents."""
        from eulerot import plotting

        times = np.linspace(0, 1, 33)
        if self.reflection is not None:  # it takes no time: the tracks begin after it
            times[0] = np.nextafter(0.0, 1.0)
        tracks = self.path(source_points(n, self.dim, domain=self.domain), times)
        return plotting.path(tracks, domain=self.domain, ax=ax)

    @kept
    def _isometry(self) -> Isometry:
        """What comes before all sweeps, ``R``."""
        return Isometry(self.rotation, self.shift)

    def _checked_pair(self, name: str, latents: ArrayLike, covectors: ArrayLike) -> tuple[FloatArray, FloatArray]:
        rows, bars = checked_samples(name, latents, dim=self.dim), checked_samples("covectors", covectors, dim=self.dim)
        if rows.shape != bars.shape:
            raise ValueError(f"covectors: expected one for each row of {name}, {len(rows)}; got {len(bars)}.")
        return rows, bars

    def _start_of_path(self, latents: FloatArray, when: FloatArray) -> FloatArray:
        """Return where a path begins at all times: shifted at once if sweeps follow, else little by little."""
        if self.shift is None:
            return np.repeat(latents[None], len(when), axis=0)
        shares = when if not self.sweeps else np.ones(len(when))
        return np.stack([wrapped(latents + share * self.shift) for share in shares])
