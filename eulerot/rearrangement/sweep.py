"""Sweeps: geodesics in disjoint planes of a box whose axes are rotated in the latent space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from eulerot._linear_algebra import product
from eulerot._threads import by_chunks
from eulerot._types import FloatArray
from eulerot.checks import checked_rotation
from eulerot.euler.certificate import Certificate, jointly
from eulerot.euler.geodesic import Geodesic
from eulerot.euler.particles.advection import Advection
from eulerot.latent.chart import from_chart, slope_ratios, to_chart

__all__ = ["Sweep"]

# Latents whose coordinates are found at a time
_CHUNK = 2**15


@dataclass(frozen=True)
class Sweep:
    """Geodesics in disjoint coordinate planes of one rotated box: ``Q^T o (X_1 x X_2 x ...) o Q``, equation (3'').

    Disjoint planes do not interact, so together they are one geodesic of the box, in any dimension.

    Parameters
    ----------
    geodesics : tuple of Geodesic
        Geodesics of boxes of two or three dimensions.
    axes : ndarray, shape (d, d)
        The rotation ``Q`` of the latent space into the axes of the box.
    planes : tuple of tuple of int
        For each geodesic the axes of the box that it moves; no axis twice. By default the first ones.

    See Also
    --------
    eulerot.Rearrangement : A map that preserves the latent law.
    eulerot.Geodesic : A geodesic and its flow map.
    eulerot.ConditionalSweep : Planes that depend on other coordinates.

    References
    ----------
    V. I. Arnold, Ann. Inst. Fourier 16:319 (1966), https://doi.org/10.5802/aif.233.

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
        object.__setattr__(self, "axes", checked_rotation("axes", self.axes))
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
        return self._moved(latents, [geodesic.flow_map for geodesic in self.geodesics])

    def inverse(self, latents: FloatArray) -> FloatArray:
        """Return the latents that `forward` moves to these."""
        return self._moved(latents, [geodesic.inverse_flow_map for geodesic in self.geodesics])

    def certificate(self) -> Certificate:
        """Return what is known of the geodesics, together one of the box, as a shortest path; equation (21)."""
        return jointly([geodesic.certificate() for geodesic in self.geodesics])

    def log_abs_det(self, latents: FloatArray) -> FloatArray:
        """Return the logarithm of the factor by which Gaussian volume changes, shape ``(n,)``; equation (16)."""
        total, rotated = np.zeros(len(latents)), product(latents, self.axes.T)
        for geodesic, plane in zip(self.geodesics, self.planes, strict=True):
            total += geodesic.flow_map.log_abs_det(to_chart(rotated[:, plane], geodesic.grid.domain))
        return total

    def linearised(self, latents: FloatArray, *, backward: bool = False) -> tuple[FloatArray, list[FloatArray]]:
        """Return moved latents and, for each plane, the Jacobians there of the map of its coordinates, ``(n, k, k)``.

        They are exact for the steps that the code takes, by the variational equation; `pulled` takes them.
        """
        rotated, jacobians = product(latents, self.axes.T), []
        for geodesic, plane in zip(self.geodesics, self.planes, strict=True):
            flow_map, domain = geodesic.inverse_flow_map if backward else geodesic.flow_map, geodesic.grid.domain
            start = rotated[:, plane]
            phases, jacobian = flow_map.advance_jacobian(to_chart(start, domain))
            rotated[:, plane] = end = from_chart(phases, domain)
            jacobians.append(jacobian * slope_ratios(start, end, domain))
        return product(rotated, self.axes), jacobians

    def pulled(self, covectors: FloatArray, jacobians: Sequence[FloatArray]) -> FloatArray:
        """Return the transposed Jacobians of the sweep times covectors at the moved latents, shape ``(n, d)``."""
        rotated = product(covectors, self.axes.T)
        for jacobian, plane in zip(jacobians, self.planes, strict=True):
            rotated[:, plane] = np.einsum("nij,ni->nj", jacobian, rotated[:, plane])
        return product(rotated, self.axes)

    def path(self, latents: FloatArray, times: Sequence[float] | FloatArray) -> FloatArray:
        """Return the path of latents at ascending `times` in [0, 1], shape ``(times, n, d)``."""
        rotated = product(latents, self.axes.T)
        path = np.repeat(rotated[None], len(times), axis=0)
        for geodesic, plane in zip(self.geodesics, self.planes, strict=True):
            domain = geodesic.grid.domain
            phases = geodesic.phases_along(to_chart(rotated[:, plane], domain), times)
            for at, moved in zip(path, phases, strict=True):
                at[:, plane] = from_chart(moved, domain)
        return product(path.reshape(-1, len(self.axes)), self.axes).reshape(path.shape)

    def _moved(self, latents: FloatArray, flow_maps: Sequence[Advection]) -> FloatArray:
        rotated = product(latents, self.axes.T)
        for flow_map, plane in zip(flow_maps, self.planes, strict=True):
            into, back = (partial(each, domain=flow_map.grid.domain) for each in (to_chart, from_chart))
            start = by_chunks(into, rotated[:, plane], _CHUNK, flow_map.threads)
            rotated[:, plane] = by_chunks(back, flow_map.advance(start), _CHUNK, flow_map.threads)
        return product(rotated, self.axes)
