"""A rearrangement as a table: millions of samples a second, to a stated error."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from eulerot._extras import check_installed
from eulerot._linear_algebra import product
from eulerot._threads import by_chunks
from eulerot._types import FloatArray
from eulerot.checks import checked_choice, checked_number, checked_samples
from eulerot.errors import ResolutionError
from eulerot.euler.geodesic import Geodesic
from eulerot.rearrangement._kernels import ORDER
from eulerot.rearrangement.conditional import ConditionalSweep
from eulerot.rearrangement.sweep import Sweep
from eulerot.rearrangement.tables import Stage, stage_of, through

if TYPE_CHECKING:
    from eulerot.rearrangement.exports.torch_tables import TorchTables

__all__ = ["TabulatedRearrangement", "tabulated"]

# What is tried in turn: cells an axis, and the pieces of a geodesic that have a table each. More tables take longer to
# read, but a map that has stretched and folded for long needs many cells
_CHOICES = ((64, 1), (128, 1), (256, 1), (256, 2), (256, 3), (384, 3), (512, 4), (512, 8))
# The share of the error that one sweep may have, tried in turn: errors add up, and later sweeps stretch them
_SHARES = (0.25, 0.05, 0.01, 0.0)
# Rows at a time: their arrays stay in the cache; results do not depend on the number of threads
_CHUNK = 4096


class ExactMap(Protocol):
    """What a table needs of the map that it stands for: a `Rearrangement`."""

    @property
    def rotation(self) -> FloatArray:
        """The rotation that is applied first."""

    @property
    def sweeps(self) -> tuple[Sweep | ConditionalSweep, ...]:
        """The sweeps that follow it."""

    @property
    def dim(self) -> int:
        """The dimension of the latent space."""

    @property
    def domain(self) -> str:
        """``"cube"`` for normal latents, ``"torus"`` for angles."""

    @property
    def geodesics(self) -> tuple[Geodesic, ...]:
        """The geodesics of all sweeps."""

    def forward(self, z: ArrayLike) -> FloatArray:
        """Return ``s(z)``."""

    def inverse(self, y: ArrayLike) -> FloatArray:
        """Return ``s^-1(y)``."""

    def log_abs_det(self, z: ArrayLike) -> FloatArray:
        """Return the change of log density."""

    def path(self, z: ArrayLike, times: ArrayLike) -> FloatArray:
        """Return the path of `z`."""


@dataclass(frozen=True)
class TabulatedRearrangement:
    """A rearrangement that is read from tables; made by `Rearrangement.tabulated`.

    Attributes
    ----------
    exact : Rearrangement
        The map that was tabulated.
    cells : int
        The most cells an axis that a table of the map has; those of its inverse may have others.
    error : float
        The largest distance between this map and the exact one, or between their inverses, at probes that the tables
        do not contain, tails included.
    density_error : float
        The largest ``|log_abs_det|`` of this map at the probes, equation (16).

    See Also
    --------
    eulerot.Rearrangement : A map that preserves the latent law.

    Examples
    --------
    >>> import numpy as np
    >>> from eulerot import Rearrangement
    >>> Rearrangement.identity(2).tabulated().forward(np.array([[0.5, -1.0]]))
    array([[ 0.5, -1. ]])
    """

    exact: ExactMap
    cells: int
    error: float
    density_error: float
    _forward_stages: tuple[Stage, ...]
    _inverse_stages: tuple[Stage, ...]

    def forward(self, z: ArrayLike) -> FloatArray:
        """Return ``s(z)``, shape ``(n, d)``."""
        return self._by_chunk(self._forward, checked_samples("z", z, dim=self.exact.dim))

    def inverse(self, y: ArrayLike) -> FloatArray:
        """Return ``s^-1(y)``, shape ``(n, d)``, from a table of its own."""
        return self._by_chunk(self._inverse, checked_samples("y", y, dim=self.exact.dim))

    def log_abs_det(self, z: ArrayLike) -> FloatArray:
        """Return the logarithm of the factor by which this map changes Gaussian volume, shape ``(n,)``."""
        return self._by_chunk(self._log_abs_det, checked_samples("z", z, dim=self.exact.dim))

    def path(self, z: ArrayLike, times: ArrayLike) -> FloatArray:
        """Return the path of `z` under the exact map, shape ``(times, n, d)``."""
        return self.exact.path(z, times)

    def to_torch(self) -> TorchTables:
        """Return the tables as a module and a transform of torch: tensor operations alone, on any device.

        It runs under ``torch.compile(fullgraph=True)`` and ``torch.export``, and has derivatives of every order. Its
        values, those of its inverse and its ``log_abs_det`` are those of this map to rounding: 1e-12 in double
        precision, 1e-5 after ``.float()``, of latents within 7. Beyond, where this map asks the exact one, latents are
        displaced as the edge of the table is. Needs torch: ``eulerot[torch]``.

        Returns
        -------
        eulerot.rearrangement.exports.torch_tables.TorchTables
            With ``__call__``, ``inv``, ``log_abs_det_jacobian``, ``log_abs_det``; its tables are buffers.

        Raises
        ------
        ImportError
            If torch is missing.
        """
        check_installed("torch", extra="torch", user="to_torch")
        from eulerot.rearrangement.exports.torch_tables import torch_tables

        return torch_tables(self._forward_stages, self._inverse_stages, self.exact.rotation)

    def to_jax(self, *, library: str = "flowjax") -> Any:
        """Return the tables as a bijection of flowjax or a bijector of distrax: array operations alone, on any device.

        It runs under ``jit``, ``vmap`` and every kind of derivative, without callbacks. Its tables have the precision
        that jax has when they are made: with ``jax_enable_x64`` values are those of this map to 1e-12, else to 1e-5, of
        latents within 7. Beyond, latents are displaced as the edge of the table is. Needs ``eulerot[jax]``.

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
        from eulerot.rearrangement.exports.jax_map import table_arrays

        arrays, planes = table_arrays(self._forward_stages, self._inverse_stages, self.exact.rotation)
        if library == "flowjax":
            from eulerot.rearrangement.exports.jax_flowjax import flowjax_tables

            return flowjax_tables(arrays, planes, self.exact.dim)
        from eulerot.rearrangement.exports.jax_distrax import DistraxTables

        return DistraxTables(arrays, planes)

    def _forward(self, latents: FloatArray) -> FloatArray:
        moved, far = through(self._forward_stages, product(latents, self.exact.rotation.T))
        if far.any():
            moved[far] = self.exact.forward(latents[far])
        return moved

    def _inverse(self, latents: FloatArray) -> FloatArray:
        moved, far = through(self._inverse_stages, latents)
        moved = product(moved, self.exact.rotation)
        if far.any():
            moved[far] = self.exact.inverse(latents[far])
        return moved

    def _log_abs_det(self, latents: FloatArray) -> FloatArray:
        moved, far = product(latents, self.exact.rotation.T), np.zeros(len(latents), dtype=bool)
        total = np.zeros(len(latents))
        for stage in self._forward_stages:
            moved, change = stage.log_abs_det(moved, far)
            total += change
        if far.any():
            total[far] = self.exact.log_abs_det(latents[far])
        return total

    def _by_chunk(self, move: Callable[[FloatArray], FloatArray], rows: FloatArray) -> FloatArray:
        threads = max((geodesic.threads for geodesic in self.exact.geodesics), default=1)
        return by_chunks(move, rows, _CHUNK, threads)


def tabulated(exact: ExactMap, *, error: float = 1e-6) -> TabulatedRearrangement:
    """Return a rearrangement as a table; see `Rearrangement.tabulated`."""
    error = checked_number("error", error, "a positive number", lambda value: value > 0)
    if exact.domain == "torus":
        raise ValueError("tabulated: expected a rearrangement of normal latents; got one of angles. Use it itself.")
    if any(geodesic.grid.dim != 2 for geodesic in exact.geodesics):
        raise ValueError("tabulated: expected sweeps of planes; got a geodesic in space. Use the rearrangement itself.")
    if any(isinstance(sweep, ConditionalSweep) for sweep in exact.sweeps):
        raise ValueError(
            "tabulated: expected sweeps of planes that depend on nothing else; got conditional planes, whose tables "
            "would have as many axes as there are dimensions. Use the rearrangement itself."
        )
    rng, dim = np.random.default_rng(0), exact.dim
    # Gaussian latents, and others as far out as 9 or more, where the exact map serves
    z = np.concatenate([rng.standard_normal((4096, dim)), 3 * rng.standard_normal((1024, dim))])
    y = exact.forward(z)
    there, error_there = _chosen(exact, z, y, error, backward=False)
    back, error_back = _chosen(exact, y, z, error, backward=True)
    cells = max((tables.shape[1] - ORDER + 1 for stage in there for tables in stage.tables), default=_CHOICES[0][0])
    found = TabulatedRearrangement(exact, cells, max(error_there, error_back), math.inf, there, back)
    return replace(found, density_error=float(np.max(np.abs(found.log_abs_det(z)))))


def _chosen(
    exact: ExactMap, start: FloatArray, end: FloatArray, error: float, *, backward: bool
) -> tuple[tuple[Stage, ...], float]:
    """Return the smallest tables of each sweep that together take `start` to `end` well enough, and their error."""
    reached = math.inf
    for share in _SHARES:
        stages = _stages(exact, start, share * error, backward=backward)
        found = TabulatedRearrangement(exact, 0, math.inf, math.inf, stages, stages)
        moved = found.inverse(start) if backward else found.forward(start)
        reached = float(np.max(np.linalg.norm(moved - end, axis=1)))
        if 2 * reached <= error:  # the probes are a sample: others may fare a little worse
            return stages, reached
    raise ResolutionError(
        f"error: expected one that tables of {_CHOICES[-1][0]} cells an axis reach, with a margin of two; got "
        f"{error:g}, they reach {reached:.1e}. Raise error, or use the rearrangement itself."
    )


def _stages(exact: ExactMap, start: FloatArray, error: float, *, backward: bool) -> tuple[Stage, ...]:
    """Return for each sweep the first choice of tables that errs by no more than `error`, or the last choice."""
    latents, stages = start if backward else product(start, exact.rotation.T), []
    for sweep in exact.sweeps[::-1] if backward else exact.sweeps:
        assert isinstance(sweep, Sweep)  # others are refused
        moved = sweep.inverse(latents) if backward else sweep.forward(latents)
        for cells, pieces in _CHOICES:
            stage = stage_of(sweep, cells, pieces, backward=backward)
            read, far = through((stage,), latents)
            if np.max(np.linalg.norm(read - moved, axis=1)[~far], initial=0.0) <= error:
                break
        stages.append(stage)
        latents = moved
    return tuple(stages)
