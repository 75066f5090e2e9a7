"""Find by trying why a flow contradicts itself."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from eulerot._jacobian import log_abs_det
from eulerot._types import FloatArray
from eulerot.errors import FlowError, SourceError
from eulerot.latent.source import check_source, log_normal

__all__ = ["raise_with_cause", "rounding_unit"]

NEGLIGIBLE = 0.1


def rounding_unit(flow: Any) -> float:
    """Return the rounding unit of a flow, that of double precision if it does not say."""
    return float(getattr(flow, "precision", np.finfo(np.float64).eps))


def raise_with_cause(
    flow: Any,
    what: str,
    z: FloatArray,
    x: FloatArray,
    *,
    cause: str | None = None,
    log_base: FloatArray | None = None,
    rounding: float = 0.0,
    step: float = 1e-5,
) -> NoReturn:
    """Raise the error of a contradiction, with its likely cause.

    Parameters
    ----------
    flow : Flow
        The flow.
    what : str
        The contradiction and its size.
    z, x : ndarray, shape (n, d)
        Latents and their data.
    cause : str, optional
        The cause, where it is known already.
    log_base : ndarray, shape (n,), optional
        The log density of the base that ``log_prob`` and the Jacobian imply at the latents, where it is the density
        that contradicts.
    rounding : float
        How far the contradiction moves when its arguments change by one rounding unit, as a share of what is allowed.
    step : float
        The step of finite differences.

    Raises
    ------
    SourceError
        If the latents of the flow's own samples are not standard normal.
    FlowError
        Otherwise.
    """
    cause = cause or _changing(flow, x) or _lost_precision(flow, rounding) or _swapped(flow, z, step)
    if cause is not None:
        raise FlowError(f"flow: {what}. {cause}")
    base = "One of the maps may be clipped or loosely iterated: 'numerical' in its place finds it by Newton's method. "
    if log_base is not None:
        base = _base(z, log_base) or ""
        _check_samples(flow, f"{what}. Likely cause: a wrong base. {base}")
    raise FlowError(
        f"flow: {what}. {base}Check the direction of the maps, that the base is the standard normal, "
        "and that the model is in evaluation mode."
    )


def _lost_precision(flow: Any, rounding: float) -> str | None:
    """Return a cause if the contradiction may be all due to rounding."""
    if rounding < NEGLIGIBLE:
        return None
    unit = rounding_unit(flow)
    advice = (
        "Use double precision, by model.double() in torch or jax_enable_x64 in jax"
        if unit > 1e-10
        else "The maps are too steep even for double precision: train the flow further, or regularise it"
    )
    size = f"by {rounding:.2g} times what is allowed" if rounding < 100 else "by far more than is allowed"
    return (
        f"Likely cause: lost precision, and neither the base nor the direction. A change of latents and data by one "
        f"rounding unit ({unit:.0e}) changes this {size}. {advice}."
    )


def _check_samples(flow: Any, what: str) -> None:
    """Raise where the latents of the flow's own samples show another base than the standard normal."""
    latents = np.asarray(flow.inverse(getattr(flow, "model_samples", flow.sample)(512)), dtype=float)
    try:
        check_source(latents[np.isfinite(latents).all(axis=1)])
    except SourceError as error:
        raise SourceError(f"flow: {what}Of the latents of its own samples: {error}") from None
    except FlowError:
        return  # the samples do not lead back to latents, and so say nothing of the base


def _changing(flow: Any, x: FloatArray) -> str | None:
    """Return a cause if ``log_prob`` of the same rows depends on what was asked before, beyond rounding."""
    rows = x.copy(), x.copy(), x[::-1].copy(), x * (1 - rounding_unit(flow))
    first, repeated, reversed_, nudged = (np.asarray(flow.log_prob(each), dtype=float) for each in rows)
    noise, stale, rounding = (
        float(np.max(np.nan_to_num(np.abs(other - first)))) for other in (repeated, reversed_[::-1], nudged)
    )
    if noise < 1e-3 and (stale < 1e-3 or stale <= rounding):
        return None
    return (
        f"Likely cause: log_prob is stale or random; the same rows in another order differ by {max(noise, stale):.3g}. "
        "Drop caches (cache_size=0), put the model in evaluation mode, and use an exact trace for a continuous flow."
    )


def _swapped(flow: Any, z: FloatArray, step: float) -> str | None:
    """Return a cause if the identity holds with the two maps exchanged."""
    try:
        x = np.asarray(flow.inverse(z), dtype=float)
        gap = np.abs(np.asarray(flow.log_prob(x)) - log_normal(z) + log_abs_det(flow.inverse, z, step))
    except ValueError:
        return None
    if not np.median(gap) < NEGLIGIBLE:
        return None
    return (
        f"Likely cause: a swapped direction; with forward and inverse exchanged log_prob differs by "
        f"{np.median(gap):.3g} only. forward must take latents to data. If forward of a model of your own takes data "
        "to latents, pass eulerot.flow(model, direction='to_latent'); if you passed functions, exchange them."
    )


def _base(z: FloatArray, log_base: FloatArray) -> str | None:
    """Return in words what normal law the implied density of the base is, if it is one."""
    n, dim = z.shape
    rows, columns = np.triu_indices(dim)
    quadratic = np.concatenate([np.ones((n, 1)), z, z[:, rows] * z[:, columns]], axis=1)
    if n < 2 * quadratic.shape[1] or not np.isfinite(log_base).all():
        return None
    terms = np.linalg.lstsq(quadratic, log_base, rcond=None)[0]
    if np.median(np.abs(quadratic @ terms - log_base)) > NEGLIGIBLE:
        return None
    half = np.zeros((dim, dim))
    half[rows, columns] = -terms[dim + 1 :]
    precision = half + half.T
    if np.abs(precision).max() < NEGLIGIBLE and np.abs(terms[1 : dim + 1]).max() < NEGLIGIBLE:
        return "The density implies a uniform base. "
    if np.linalg.eigvalsh(precision).min() <= 0:
        return None
    covariance = np.linalg.inv(precision)
    mean = covariance @ terms[1 : dim + 1]
    if max(np.abs(mean).max(), np.abs(covariance - np.eye(dim)).max()) < NEGLIGIBLE:
        constant = terms[0] - log_normal(np.zeros((1, dim)))[0]
        return f"The density lacks a constant, {constant:.3g}. " if abs(constant) > NEGLIGIBLE else None
    return f"The density implies a base of mean {mean.round(3)} and covariance {covariance.round(3).tolist()}. "
