"""The flow protocol, and the check that a flow keeps to it."""

from __future__ import annotations

import math
from typing import Protocol, runtime_checkable

import numpy as np

from eulerot._types import FloatArray, Seed
from eulerot.errors import FlowError
from eulerot.source import normal_points

__all__ = ["Flow", "check_flow", "flow_dim"]


@runtime_checkable
class Flow(Protocol):
    """A normalizing flow: an invertible map of the standard normal, samples as rows.

    ``forward`` takes latents to data, ``inverse`` data to latents, ``log_prob`` gives the density of the data and
    ``sample(n)`` draws from it.
    """

    def forward(self, z: FloatArray) -> FloatArray:
        """Return the data of latents, shape ``(n, d)``."""

    def inverse(self, x: FloatArray) -> FloatArray:
        """Return the latents of data, shape ``(n, d)``."""

    def log_prob(self, x: FloatArray) -> FloatArray:
        """Return the log density of data, shape ``(n,)``."""

    def sample(self, n: int) -> FloatArray:
        """Return `n` samples, shape ``(n, d)``."""


def flow_dim(flow: Flow) -> int:
    """Return the dimension of a flow, from its ``dim`` or from the shape of two samples.

    Raises
    ------
    FlowError
        If the object is not a flow.
    """
    missing = [name for name in ("forward", "inverse", "log_prob", "sample") if not callable(getattr(flow, name, None))]
    if missing:
        raise FlowError(
            f"flow: expected an object with forward, inverse, log_prob and sample; {type(flow).__name__} has no "
            f"{', '.join(missing)}. Wrap it in an object that has all four."
        )
    if hasattr(flow, "dim"):
        return int(flow.dim)
    shape = np.shape(flow.sample(2))
    if len(shape) != 2 or shape[0] != 2:
        raise FlowError(f"flow: expected sample(2) of shape (2, d); got {shape}. Return one sample a row.")
    return int(shape[1])


def check_flow(flow: Flow, *, n: int = 128, seed: Seed = 0, tolerance: float = 1e-2) -> None:
    """Check that forward, inverse and log_prob belong to one map of the standard normal.

    Two identities are tested at `n` latents: ``inverse(forward(z)) = z``, and ``log_prob(forward(z)) = log N(z) -
    log |det D forward(z)|`` with a Jacobian by central differences. One point in ten may fail, for a flow may have
    kinks and a few points where it is too steep to invert.

    Raises
    ------
    FlowError
        With the size of the contradiction.

    Examples
    --------
    >>> from eulerot.flows.linear import LinearFlow
    >>> check_flow(LinearFlow([[2.0, 1.0], [0.0, 1.0]], [0.0, 0.0]))
    """
    dim = flow_dim(flow)
    z = normal_points(n, dim, seed)
    x = np.asarray(flow.forward(z), dtype=float)
    if x.shape != z.shape:
        raise FlowError(f"flow: expected forward of shape {z.shape} for latents of that shape; got {x.shape}.")
    if not np.isfinite(x).all():
        raise FlowError(f"flow: expected finite data; forward gave {np.sum(~np.isfinite(x))} values that are not.")
    trip = np.abs(np.asarray(flow.inverse(x), dtype=float) - z).max(axis=1)
    _raise_if_contradicted("inverse(forward(z)) differs from z", trip, tolerance)
    log_normal = -0.5 * np.sum(z**2, axis=1) - 0.5 * dim * math.log(2 * math.pi)
    claimed = np.asarray(flow.log_prob(x), dtype=float)
    if claimed.shape != (n,):
        raise FlowError(f"flow: expected log_prob of shape ({n},) for {n} samples; got {claimed.shape}.")
    gap = np.abs(claimed - (log_normal - _log_abs_det(flow, z)))
    _raise_if_contradicted("log_prob(forward(z)) differs from log N(z) - log |det D forward(z)|", gap, tolerance)


def _raise_if_contradicted(what: str, gap: FloatArray, tolerance: float) -> None:
    failed = ~(gap <= tolerance)  # not a number fails too
    if failed.mean() > 0.1:
        raise FlowError(
            f"flow: {what}, by {np.median(gap[failed]):.3g} in the median at {failed.mean():.0%} of {len(gap)} points "
            f"(allowed: {tolerance:g}). Check the direction of the map, that its base is the standard normal, and that "
            "the model is in evaluation mode."
        )


def _log_abs_det(flow: Flow, z: FloatArray, step: float = 1e-4) -> FloatArray:
    columns = []
    for axis in range(z.shape[1]):
        shift = step * np.eye(z.shape[1])[axis]
        difference = np.asarray(flow.forward(z + shift), dtype=float) - np.asarray(flow.forward(z - shift), dtype=float)
        columns.append(difference / (2 * step))
    return np.linalg.slogdet(np.stack(columns, axis=-1))[1]
