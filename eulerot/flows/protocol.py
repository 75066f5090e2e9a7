"""The flow protocol, and the check that a flow keeps to it."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np

from eulerot._jacobian import log_abs_det
from eulerot._types import FloatArray, Seed
from eulerot.errors import FlowError
from eulerot.flows.diagnosis import raise_with_cause
from eulerot.latent.source import log_normal, normal_points

__all__ = ["Flow", "check_flow", "flow_dim"]

# Steps of the differences; a point passes if it does with one of them. Measured over 27 flows of six libraries in
# single precision: with 1e-3 nine points in ten agree to 3e-3 or better, with 1e-4 or 1e-2 alone only to 3e-2, for
# rounding spoils small steps and the kinks of splines large ones
STEPS_SINGLE, STEPS_DOUBLE = (1e-3, 1e-4, 1e-2), (1e-5,)


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
            f"{', '.join(missing)}. Wrap it by eulerot.flow."
        )
    if hasattr(flow, "dim"):
        return int(flow.dim)
    shape = np.shape(flow.sample(2))
    if len(shape) != 2 or shape[0] != 2:
        raise FlowError(f"flow: expected sample(2) of shape (2, d); got {shape}. Return one sample a row.")
    return int(shape[1])


def check_flow(flow: Flow, *, n: int = 128, seed: Seed = 0, tolerance: float | None = None) -> None:
    """Check that forward, inverse and log_prob belong to one map of the standard normal.

    Two identities are tested at `n` latents: ``inverse(forward(z)) = z``, and ``log_prob(forward(z)) = log N(z) -
    log |det D forward(z)|`` with a Jacobian by central differences, of the inverse map where the forward map is found
    numerically. One point in ten may fail, for a flow may have kinks and a few points where it is too steep to invert.

    Parameters
    ----------
    flow : Flow
        The flow.
    n : int
        The number of latents.
    seed : int
        Of the latents.
    tolerance : float, optional
        The difference that is allowed: 0.01, or twenty times its stated error for a map by quadrature.

    Raises
    ------
    FlowError
        With the size of the contradiction, the share of points that fail, and the likely cause.
    SourceError
        If the latents of the flow's own samples are not standard normal.

    Examples
    --------
    >>> from eulerot.flows.linear import LinearFlow
    >>> check_flow(LinearFlow([[2.0, 1.0], [0.0, 1.0]], [0.0, 0.0]))
    """
    z = normal_points(n, flow_dim(flow), seed)
    x, steps = _data(flow, z)
    if tolerance is None:
        tolerance = max(1e-2, 20 * getattr(flow, "error", 0.0))
    # Rows in another order, as a fresh array: what a cache remembers does not help
    trip = np.asarray(flow.inverse(x[::-1].copy()), dtype=float)[::-1] - z
    claimed, again = _log_prob(flow, x), _log_prob(flow, x[::-1].copy())[::-1]
    contradictions = np.stack([claimed - _implied(flow, z, x, step) for step in steps])
    contradiction = np.take_along_axis(contradictions, np.abs(contradictions).argmin(axis=0)[None], axis=0)[0]
    for what, gap in (
        ("inverse(forward(z)) differs from z", np.abs(trip).max(axis=1)),
        ("log_prob of the same data in another order differs", np.abs(again - claimed)),
        ("log_prob(forward(z)) differs from log N(z) - log |det D forward(z)|", np.abs(contradiction)),
    ):
        failed = ~(gap <= tolerance)  # not a number fails too
        if failed.mean() > 0.1:
            size = f"{what}, by {np.median(gap[failed]):.3g} in the median at {failed.mean():.0%} of {n} points"
            log_base = log_normal(z) + contradiction if what.startswith("log_prob(f") else None
            raise_with_cause(flow, f"{size} (allowed: {tolerance:g})", z, x, log_base, steps[0])


def _data(flow: Flow, z: FloatArray) -> tuple[FloatArray, tuple[float, ...]]:
    """Return the data of latents, and the steps of differences that their precision asks for."""
    raw = np.asarray(flow.forward(z))
    x = raw.astype(float)
    if x.shape != z.shape:
        raise FlowError(f"flow: expected forward of shape {z.shape} for latents of that shape; got {x.shape}.")
    if not np.isfinite(x).all():
        raise FlowError(f"flow: expected finite data; forward gave {np.sum(~np.isfinite(x))} values that are not.")
    precision = getattr(flow, "precision", np.finfo(raw.dtype).eps if raw.dtype.kind == "f" else 0.0)
    return x, STEPS_SINGLE if precision > 1e-10 else STEPS_DOUBLE


def _log_prob(flow: Flow, x: FloatArray) -> FloatArray:
    claimed = np.asarray(flow.log_prob(x), dtype=float)
    if claimed.shape != (len(x),):
        raise FlowError(f"flow: expected log_prob of shape ({len(x)},) for {len(x)} samples; got {claimed.shape}.")
    return claimed


def _implied(flow: Flow, z: FloatArray, x: FloatArray, step: float) -> FloatArray:
    """Return the log density of data that the map and a standard normal base imply."""
    if getattr(flow, "numerical", None) == "forward":
        return log_normal(np.asarray(flow.inverse(x), dtype=float)) + log_abs_det(flow.inverse, x, step)
    return log_normal(z) - log_abs_det(flow.forward, z, step)
