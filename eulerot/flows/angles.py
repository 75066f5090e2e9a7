"""Flows on angles: a source that is uniform on the torus, latents and data of period ``2 pi``."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from eulerot._jacobian import jacobians
from eulerot._types import FloatArray, Seed
from eulerot.checks import checked_samples
from eulerot.errors import FlowError, SourceError
from eulerot.flows.adapters.adapted import AdaptedFlow
from eulerot.flows.adapters.bases import UniformBase
from eulerot.flows.protocol import Flow, flow_dim
from eulerot.latent.circle import shortest
from eulerot.latent.source import random_source, source_points

__all__ = ["AngleFlow", "check_angle_flow", "on_angles"]


@dataclass(frozen=True)
class AngleFlow:
    """A model with a uniform base, whose latents are angles in ``[-pi, pi)`` in place of normal numbers.

    Parameters
    ----------
    model : AdaptedFlow
        The model, its base a box of side ``2 pi``.
    """

    model: AdaptedFlow

    @property
    def dim(self) -> int:
        """The number of angles."""
        return self.model.dim

    @property
    def map(self) -> str:
        """The maps that are used, in words."""
        return f"{self.model.map.removesuffix(', standardised')}, as angles"

    @property
    def _low(self) -> FloatArray:
        assert isinstance(self.model.base, UniformBase)
        return self.model.base.low

    def forward(self, z: ArrayLike) -> FloatArray:
        """Return the data of angles, shape ``(n, dim)``."""
        angles = shortest(checked_samples("z", z, dim=self.dim), "torus")
        return self.model.to_data(angles + math.pi + self._low)

    def inverse(self, x: ArrayLike) -> FloatArray:
        """Return the angles of data, shape ``(n, dim)``."""
        values = self.model.to_base(checked_samples("x", x, dim=self.dim))
        return shortest(values - self._low - math.pi, "torus")

    def log_prob(self, x: ArrayLike) -> FloatArray:
        """Return the log density of data, shape ``(n,)``."""
        return self.model.log_prob(x)

    def sample(self, n: int, seed: Seed = None) -> FloatArray:
        """Return `n` samples, shape ``(n, dim)``."""
        return self.forward(random_source(n, self.dim, seed, domain="torus"))


def on_angles(flow: Flow) -> Flow:
    """Return a flow as one of uniform angles; a flow of your own takes angles already and is returned as it is.

    Raises
    ------
    SourceError
        If the base of a model is not uniform on a box of side ``2 pi``.
    """
    if not isinstance(flow, AdaptedFlow):
        return flow
    base = flow.base
    if not flow.base_given:
        return _OwnAngleFlow(flow)
    if not isinstance(base, UniformBase) or np.abs(base.high - base.low - 2 * math.pi).max() > 1e-4:
        raise SourceError(
            f"flow: expected a uniform base on a box of side 2 pi for domain='torus'; got a {base}. Train the flow on "
            "such a base (zuko's NCSF has one), or leave domain out."
        )
    return AngleFlow(flow)


class _OwnAngleFlow:
    """Functions of angles, or an object of your own that has them: they are used as they are."""

    def __init__(self, flow: AdaptedFlow) -> None:
        self.dim, self.map = flow.dim, "the given functions, which take and give angles"
        self.forward, self.inverse, self.log_prob = flow.to_data, flow.to_base, flow.log_prob

    def sample(self, n: int, seed: Seed = None) -> FloatArray:
        """Return `n` samples, shape ``(n, dim)``."""
        return self.forward(random_source(n, self.dim, seed, domain="torus"))


def check_angle_flow(flow: Any, *, n: int = 128, seed: Seed = 0, tolerance: float = 1e-2) -> None:
    """Check that forward, inverse and log_prob belong to one map of uniform angles.

    Raises
    ------
    FlowError
        With the size of the contradiction and the share of points that fail: more than one in ten.

    Examples
    --------
    >>> class Shifted:
    ...     dim = 2
    ...     forward = staticmethod(lambda z: z + 1.0)
    ...     inverse = staticmethod(lambda x: x - 1.0)
    ...     log_prob = staticmethod(lambda x: np.full(len(x), -2 * np.log(2 * np.pi)))
    ...     sample = staticmethod(lambda n: np.zeros((n, 2)))
    >>> check_angle_flow(Shifted())
    """
    z = source_points(n, flow_dim(flow), seed, domain="torus")
    x = np.asarray(flow.forward(z), dtype=float)
    if x.shape != z.shape or not np.isfinite(x).all():
        raise FlowError(f"flow: expected finite data of shape {z.shape} for angles of that shape; got {x.shape}.")
    round_trip = np.abs(shortest(np.asarray(flow.inverse(x), dtype=float) - z, "torus")).max(axis=1)
    step = 1e-3  # of the order that single precision asks for
    # differences of angles, so that a step across the seam at pi is as short as any other
    around = np.stack([x] * 2 * z.shape[1])
    columns = jacobians(lambda points: _data_near(flow, points, around.reshape(-1, z.shape[1])), z, step)
    implied = -z.shape[1] * math.log(2 * math.pi) - np.linalg.slogdet(columns)[1]
    gap = np.abs(np.asarray(flow.log_prob(x), dtype=float) - implied)
    for what, size in (
        ("inverse(forward(z)) differs from z", round_trip),
        ("log_prob differs from the maps' density", gap),
    ):
        failed = ~(size <= tolerance)
        if failed.mean() > 0.1:
            raise FlowError(
                f"flow: {what}, by {np.median(size[failed]):.3g} in the median at {failed.mean():.0%} of {n} points "
                f"(allowed: {tolerance:g}). For domain='torus' the source is uniform on [-pi, pi), and forward takes "
                "angles. Check the direction of the maps and the base."
            )


def _data_near(flow: Any, points: FloatArray, around: FloatArray) -> FloatArray:
    """Return the data of angles, shifted by multiples of ``2 pi`` to lie nearest to other angles."""
    data = np.asarray(flow.forward(points), dtype=float)
    return around + shortest(data - around, "torus")
