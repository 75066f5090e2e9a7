"""Make a flow from a density alone: the Knothe-Rosenblatt map, by quadrature, in two and three dimensions.

The first coordinate goes through the distribution function of its marginal, each next one through that of its
conditional, and all through the normal quantile (Rosenblatt, Ann. Math. Stat. 23:470, 1952,
https://doi.org/10.1214/aoms/1177729394). The map is a valid flow of the density, yet not
the map of the model it came from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from eulerot._types import FloatArray, Seed
from eulerot.checks import checked_samples
from eulerot.flows.knothe.box import DensityBox, density_box
from eulerot.flows.knothe.conditional import FINER, Conditionals, interpolated, log_cells
from eulerot.latent.source import normal_points

__all__ = ["KnotheFlow", "knothe_flow"]

POINTS = {2: (128, 256, 512), 3: (64, 96, 128)}  # tried in this order
ERROR = 2e-3  # the total variation error that ends the refinement
CHUNK = {2: 1024, 3: 512}


@dataclass(frozen=True)
class KnotheFlow:
    """The Knothe-Rosenblatt map of a density as a flow; make one with `knothe_flow`.

    Attributes
    ----------
    dim : int
        Two or three.
    density : callable
        The log density, for `log_prob`.
    axes : tuple of ndarray
        The quadrature nodes of each coordinate.
    tables : tuple of ndarray
        Logarithms of the densities of the first, the first two, ... coordinates at the nodes.
    mass : float
        The mass of the density on the box. `log_prob` is divided by it only with ``normalised=False``.
    outside : float
        The mass found between the box and its double, before it was cropped to where the density lives.
    error : float
        The total variation distance between the law of the map and the density, estimated at 1024 points.

    See Also
    --------
    eulerot.knothe_flow : Make a flow of a density.

    References
    ----------
    M. Rosenblatt, Ann. Math. Statist. 23:470 (1952), https://doi.org/10.1214/aoms/1177729394.

    Examples
    --------
    >>> from eulerot import knothe_flow
    >>> flow = knothe_flow(lambda x: -0.5 * np.sum(x**2, axis=1) - np.log(2 * np.pi), dim=2)
    >>> bool(np.abs(flow.forward(np.array([[0.5, -1.0]])) - [0.5, -1.0]).max() < 1e-3)
    True
    """

    dim: int
    density: Callable[[FloatArray], FloatArray]
    axes: tuple[FloatArray, ...]
    tables: tuple[FloatArray, ...]
    mass: float
    outside: float
    error: float = float("nan")

    @property
    def map(self) -> str:
        """Which map this is, in words."""
        return (
            f"Knothe-Rosenblatt map of the density by quadrature (mass {self.mass:.7f}, {self.outside:.1e} outside "
            f"the box, total variation error {self.error:.1e}); not the model's own map"
        )

    def forward(self, z: ArrayLike) -> FloatArray:
        """Return the data of latents, shape ``(n, dim)``: the quantiles of the conditionals, one after the other."""
        latents = checked_samples("z", z, dim=self.dim)
        step = CHUNK[self.dim]
        return np.concatenate([self._forward(latents[i : i + step]) for i in range(0, len(latents), step)])

    def inverse(self, x: ArrayLike) -> FloatArray:
        """Return the latents of data, shape ``(n, dim)``: the distribution functions of the conditionals."""
        return self._latents(checked_samples("x", x, dim=self.dim))[0]

    def log_prob(self, x: ArrayLike) -> FloatArray:
        """Return the log density that the flow was made of, shape ``(n,)``."""
        return self.density(checked_samples("x", x, dim=self.dim))

    def map_log_prob(self, x: ArrayLike) -> FloatArray:
        """Return the log density of the map itself; it differs from `log_prob` by the quadrature error."""
        return self._latents(checked_samples("x", x, dim=self.dim))[1]

    def sample(self, n: int, seed: Seed = None) -> FloatArray:
        """Return `n` samples; `seed` is what `numpy.random.default_rng` takes."""
        return self.forward(np.random.default_rng(seed).standard_normal((n, self.dim)))

    def _forward(self, z: FloatArray) -> FloatArray:
        x = np.empty_like(z)
        for k in range(self.dim):
            conditional = Conditionals.at(self.axes, self.tables[k], x[:, :k])
            x[:, k] = conditional.quantile(z[:, k])
        return x

    def _latents(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        z, log_density = np.empty_like(x), np.zeros(len(x))
        for start in range(0, len(x), CHUNK[self.dim]):
            rows = slice(start, start + CHUNK[self.dim])
            for k in range(self.dim):
                conditional = Conditionals.at(self.axes, self.tables[k], x[rows, :k])
                z[rows, k], gained = conditional.normal_score(x[rows, k])
                log_density[rows] += gained
        return z, log_density


def knothe_flow(
    log_prob: Callable[[FloatArray], ArrayLike],
    *,
    dim: int,
    center: ArrayLike = 0.0,
    scale: ArrayLike = 1.0,
    points: int | None = None,
    normalised: bool = True,
) -> KnotheFlow:
    """Return a flow of a density: its Knothe-Rosenblatt map, by quadrature.

    The box starts at ``center +- 4 scale`` and is doubled until the shell between it and its double holds less than
    1e-6 of the mass and the whole mass is one; then it is cropped to where the density lives. The logarithm of the
    density is interpolated by local cubics, linearly where it jumps, and continued by exponentials outside.

    Parameters
    ----------
    log_prob : callable
        The log density of rows, shape ``(n, dim)`` to ``(n,)``.
    dim : int
        Two or three.
    center, scale : float or array_like, shape (dim,)
        Where the density is thought to live, roughly.
    points : int, optional
        Quadrature nodes an axis. If not given, up to 512 in two dimensions and 128 in three, until the total variation
        error is below 2e-3.
    normalised : bool
        Whether the density claims to have mass one. If not, it is divided by its mass.

    Returns
    -------
    KnotheFlow
        The flow.

    Raises
    ------
    ValueError
        For a dimension other than two and three, or a bad option.
    FlowError
        If the mass on the box is not what it should be, with the mass.

    See Also
    --------
    eulerot.KnotheFlow : The Knothe-Rosenblatt map of a density.
    eulerot.flow : Make a flow of a model.

    References
    ----------
    M. Rosenblatt, Ann. Math. Statist. 23:470 (1952), https://doi.org/10.1214/aoms/1177729394.

    Examples
    --------
    >>> flow = knothe_flow(lambda x: -0.5 * (x**2).sum(axis=1) - np.log(2 * np.pi), dim=2)
    >>> bool(np.abs(flow.forward([[1.0, -2.0]]) - [[1.0, -2.0]]).max() < 1e-4)
    True
    >>> round(flow.mass, 6)
    1.0
    """
    sizes = _checked(dim, points)
    middle, half = (np.broadcast_to(np.asarray(v, dtype=float), (dim,)) for v in (center, 4 * np.asarray(scale)))
    if not (np.isfinite(middle).all() and np.isfinite(half).all() and (half > 0).all()):
        raise ValueError(
            f"center, scale: expected finite numbers, scale positive; got {center!r} and {scale!r}. "
            "Pass a number, or one for each coordinate."
        )
    density = _Density(log_prob)
    box = density_box(density, middle, half, sizes[0], unit_mass=normalised)
    flow = _on_box(density, box, normalised)
    for size in sizes[1:]:
        if flow.error < ERROR:
            break
        flow = _on_box(density, box.refined(density, size), normalised)
    return flow


@dataclass(frozen=True)
class _Density:
    """A log density of rows as float64 numbers, less a constant; it can be pickled wherever the function can."""

    log_prob: Callable[[FloatArray], ArrayLike]
    constant: float = 0.0

    def __call__(self, x: FloatArray) -> FloatArray:
        return np.asarray(self.log_prob(x), dtype=float) - self.constant


def _on_box(density: Callable[[FloatArray], FloatArray], box: DensityBox, normalised: bool) -> KnotheFlow:
    """Return the flow of a density at the nodes of a box, with its error."""
    tables, axes = _tables(box.values, box.axes)
    if not normalised:
        density = _Density(density, float(np.log(box.mass)))
    flow = KnotheFlow(len(axes), density, axes, tables, box.mass, box.outside)
    probes = flow.forward(normal_points(1024, flow.dim))
    error = 0.5 * float(np.mean(np.abs(np.expm1(flow.log_prob(probes) - flow.map_log_prob(probes)))))
    return replace(flow, error=error)


def _checked(dim: int, points: int | None) -> tuple[int, ...]:
    if dim not in POINTS:
        raise ValueError(
            f"dim: expected 2 or 3 for a map by quadrature; got {dim!r}. In more dimensions pass the forward or the "
            "inverse map of the flow."
        )
    if points is None:
        return POINTS[dim]
    if not isinstance(points, int | np.integer) or points < 8:
        raise ValueError(f"points: expected a whole number of at least 8; got {points!r}.")
    return (int(points),)


def _tables(values: FloatArray, axes: tuple[FloatArray, ...]) -> tuple[tuple[FloatArray, ...], tuple[FloatArray, ...]]:
    """Return the log densities of the leading coordinates, the last axis of each refined, and the refined axes."""
    fine = [np.linspace(axis[0], axis[-1], FINER * (len(axis) - 1) + 1) for axis in axes]
    tables = []
    for k in range(len(axes) - 1, -1, -1):
        table = np.moveaxis(interpolated(np.moveaxis(values, k, 0), (axes[k],), fine[k][:, None]), 0, -1)
        tables.append(table)
        values = log_cells(table, fine[k])[2]
    return tuple(tables[::-1]), tuple(fine)
