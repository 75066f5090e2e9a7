"""The flow protocol, and the check that a flow keeps to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
import scipy
from numpy.typing import NDArray

from eulerot._jacobian import log_abs_det
from eulerot._types import FloatArray, Seed
from eulerot.errors import FlowError
from eulerot.flows.diagnosis import raise_with_cause, rounding_unit
from eulerot.latent.source import log_normal, normal_points

__all__ = ["Flow", "check_flow", "finite_data", "finite_latents", "flow_dim"]

# Steps of the differences; a point passes if it does with one of them. Measured over 27 flows of six libraries in
# single precision: with 1e-3 nine points in ten agree to 3e-3 or better, with 1e-4 or 1e-2 alone only to 3e-2, for
# rounding spoils small steps and the kinks of splines large ones
STEPS_SINGLE, STEPS_DOUBLE = (1e-3, 1e-4, 1e-2), (1e-5,)
# The Jacobians of a check have no more entries than these, unless that leaves too few points
_ENTRIES, _FEWEST = 2**20, 16


@runtime_checkable
class Flow(Protocol):
    """A normalizing flow: an invertible map of the standard normal, samples as rows.

    ``forward`` takes latents to data, ``inverse`` data to latents, ``log_prob`` gives the density of the data and
    ``sample(n)`` draws from it.

    See Also
    --------
    eulerot.flow : Make a flow of a model.
    eulerot.flows.protocol.check_flow : Check that maps and density belong together.

    Examples
    --------
    >>> from eulerot import LinearFlow
    >>> flow = LinearFlow([[2.0]], [1.0])
    >>> flow.inverse(flow.forward([[0.5]]))
    array([[0.5]])
    """

    def forward(self, z: FloatArray) -> FloatArray:
        """Return the data of latents, shape ``(n, d)``."""

    def inverse(self, x: FloatArray) -> FloatArray:
        """Return the latents of data, shape ``(n, d)``."""

    def log_prob(self, x: FloatArray) -> FloatArray:
        """Return the log density of data, shape ``(n,)``."""

    def sample(self, n: int) -> FloatArray:
        """Return `n` samples, shape ``(n, d)``."""


Gap: TypeAlias = Callable[[Flow, FloatArray, FloatArray, tuple[float, ...]], FloatArray]


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


def finite_data(x: FloatArray, z: FloatArray) -> FloatArray:
    """Return the data that a flow made of latents, or say for which latents they are not finite.

    Raises
    ------
    FlowError
        With the number of rows, the first of them, and how far from the origin they are.

    Examples
    --------
    >>> finite_data(np.array([[1.0], [np.inf]]), np.array([[1.0], [3.0]]))
    Traceback (most recent call last):
    ...
    eulerot.errors.FlowError: flow: expected finite data; its forward map gave NaN or infinity for 1 of 2 latents, the
    first in row 1, z = [3.]. All of them are at least 3 away from the origin, as 0.27% of all latents are. A flow has
    to be finite there too: bound it, train it further, or compute in double precision.
    """
    bad = np.asarray(~np.isfinite(x).all(axis=1))
    if not bad.any():
        return x
    radii, dim = np.linalg.norm(z, axis=1), z.shape[1]
    where = ""
    if radii[bad].min() > np.median(radii):
        least = radii[bad].min()
        share = scipy.special.gammaincc(0.5 * dim, 0.5 * least**2)
        where = f"All of them are at least {least:.3g} away from the origin, as {share:.2%} of all latents are. "
    raise FlowError(
        f"flow: expected finite data; its forward map gave NaN or infinity for {_first_of(bad, z, 'latents, ', 'z')}"
        f"{where}A flow has to be finite there too: bound it, train it further, or compute in double precision."
    )


def finite_latents(z: FloatArray, x: FloatArray) -> FloatArray:
    """Return the latents that a flow gave for data, or say for which data they are not finite."""
    bad = np.asarray(~np.isfinite(z).all(axis=1))
    if not bad.any():
        return z
    raise FlowError(
        f"flow: expected finite latents; its inverse map gave NaN or infinity for {_first_of(bad, x, 'data, ', 'x')}"
        "Such data lie outside of what the flow can make, or beyond its precision."
    )


def _first_of(bad: np.ndarray, points: FloatArray, what: str, name: str) -> str:
    row = int(np.argmax(bad))
    shown = np.array2string(points[row], max_line_width=200, precision=4, threshold=12)
    return f"{bad.sum()} of {len(bad)} {what}the first in row {row}, {name} = {shown}. "


@np.errstate(invalid="ignore", over="ignore")  # what is not finite fails the check
def check_flow(flow: Flow, *, n: int = 128, seed: Seed = 0, tolerance: float | None = None) -> None:
    """Check that forward, inverse and log_prob belong to one map of the standard normal.

    Two identities are tested at `n` latents: ``inverse(forward(z)) = z``, and ``log_prob(forward(z)) = log N(z) -
    log |det D forward(z)|`` with a Jacobian by central differences, of the inverse map where the forward map is found
    numerically. One point in ten may fail, for a flow may have kinks and a few points where it is too steep to invert.
    Values must not depend on the other rows of a call, nor on their order.

    Parameters
    ----------
    flow : Flow
        The flow.
    n : int
        The number of latents; fewer in more than 90 dimensions, where each has a large Jacobian, but no less than 16.
    seed : int
        Seed of the latents.
    tolerance : float, optional
        The difference that is allowed: 0.01, or twenty times its stated error for a map by quadrature.

    Raises
    ------
    FlowError
        With the size of the contradiction, the share of points that fail, and the likely cause.
    SourceError
        If the latents of the flow's own samples are not standard normal.

    See Also
    --------
    eulerot.flows.protocol.Flow : What a flow has to have.
    eulerot.flow : Make a flow of a model.

    Examples
    --------
    >>> from eulerot.flows.linear import LinearFlow
    >>> check_flow(LinearFlow([[2.0, 1.0], [0.0, 1.0]], [0.0, 0.0]))
    """
    dim = flow_dim(flow)
    n = min(n, max(_FEWEST, _ENTRIES // dim**2))
    z = normal_points(n, dim, seed)
    x, steps = _data(flow, z)
    if tolerance is None:
        tolerance = max(1e-2, 20 * getattr(flow, "error", 0.0))
    for what, measure in (
        ("forward of the same latents differs in other company", _company_gap),
        ("inverse(forward(z)) differs from z", _round_trip_gap),
        ("log_prob of the same data in another order differs", _order_gap),
        ("log_prob(forward(z)) differs from log N(z) - log |det D forward(z)|", _density_gap),
    ):
        gap = measure(flow, z, x, steps)
        failed = ~(np.abs(gap) <= tolerance)  # not a number fails too
        if failed.mean() > 0.1:
            sizes = np.abs(gap[failed & np.isfinite(gap)])
            size = f"by {np.median(sizes):.3g} in the median" if len(sizes) else "and is not finite,"
            raise_with_cause(
                flow,
                f"{what}, {size} at {failed.mean():.0%} of {n} points (allowed: {tolerance:g})",
                z,
                x,
                cause=_BATCH if measure is _company_gap else None,
                log_base=log_normal(z) + gap if measure is _density_gap else None,
                rounding=_rounding(flow, z, steps, measure, gap, failed) / tolerance,
                step=steps[0],
            )


_BATCH = (
    "Likely cause: its values depend on the other rows of a call, as those of layers do that normalise by the "
    "statistics of the batch. Use running statistics, in evaluation mode, or leave such layers out."
)


def _company_gap(flow: Flow, z: FloatArray, x: FloatArray, steps: tuple[float, ...]) -> FloatArray:
    """Return how far data move, relative to their size, when their latents are mapped among fewer others."""
    alone = np.empty_like(x)
    for first in range(3):
        alone[first::3] = np.asarray(flow.forward(z[first::3].copy()), dtype=float)
    return (np.abs(alone - x) / (1 + np.abs(x))).max(axis=1)


def _round_trip_gap(flow: Flow, z: FloatArray, x: FloatArray, steps: tuple[float, ...]) -> FloatArray:
    """Return how far latents are from where they come back to, from data in another order and a new array."""
    return np.abs(np.asarray(flow.inverse(x[::-1].copy()), dtype=float)[::-1] - z).max(axis=1)


def _order_gap(flow: Flow, z: FloatArray, x: FloatArray, steps: tuple[float, ...]) -> FloatArray:
    """Return how far log densities change when the rows come in another order."""
    return _log_prob(flow, x[::-1].copy())[::-1] - _log_prob(flow, x)


def _density_gap(flow: Flow, z: FloatArray, x: FloatArray, steps: tuple[float, ...]) -> FloatArray:
    """Return how far log densities are from those that the map and a standard normal base imply."""
    claimed, gaps = _log_prob(flow, x), []
    for step in steps:
        if getattr(flow, "numerical", None) == "forward":
            implied = log_normal(np.asarray(flow.inverse(x), dtype=float)) + log_abs_det(flow.inverse, x, step)
        else:
            implied = log_normal(z) - log_abs_det(flow.forward, z, step)
        gaps.append(claimed - implied)
    return np.take_along_axis(np.stack(gaps), np.abs(gaps).argmin(axis=0)[None], axis=0)[0]


def _rounding(
    flow: Flow, z: FloatArray, steps: tuple[float, ...], measure: Gap, gap: FloatArray, failed: NDArray[np.bool_]
) -> float:
    """Return how far a gap moves, in the median, when latents and data change by one rounding unit."""
    shrink = 1 - rounding_unit(flow)
    try:
        x = shrink * np.asarray(flow.forward(shrink * z), dtype=float)
        with np.errstate(invalid="ignore"):
            return float(np.median(np.nan_to_num(np.abs(measure(flow, shrink * z, x, steps) - gap))[failed]))
    except ValueError:
        return 0.0


def _data(flow: Flow, z: FloatArray) -> tuple[FloatArray, tuple[float, ...]]:
    """Return the data of latents, and the steps for finite differences that suit their precision."""
    raw = np.asarray(flow.forward(z))
    x = raw.astype(float)
    if x.shape != z.shape:
        raise FlowError(f"flow: expected forward of shape {z.shape} for latents of that shape; got {x.shape}.")
    precision = getattr(flow, "precision", np.finfo(raw.dtype).eps if raw.dtype.kind == "f" else 0.0)
    return finite_data(x, z), STEPS_SINGLE if precision > 1e-10 else STEPS_DOUBLE


def _log_prob(flow: Flow, x: FloatArray) -> FloatArray:
    claimed = np.asarray(flow.log_prob(x), dtype=float)
    if claimed.shape != (len(x),):
        raise FlowError(f"flow: expected log_prob of shape ({len(x)},) for {len(x)} samples; got {claimed.shape}.")
    return claimed
