"""Posteriors and density estimators of sbi, with their embedding nets and their z-scoring of parameters and data."""

from __future__ import annotations

import importlib
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from eulerot.errors import FlowError
from eulerot.flows.adapters.arrays import TorchArrays
from eulerot.flows.adapters.parts import Parts
from eulerot.flows.adapters.torch_laws import read_law
from eulerot.flows.adapters.torch_modules import NflowsFlow

__all__ = ["read_sbi"]

LEAKAGE_SAMPLES = 4096


def read_sbi(model: Any, context: ArrayLike | None) -> Parts:
    """Return the parts of a posterior or of a density estimator.

    The flow is that of the estimator. A posterior rejects samples that lie outside the support of its prior; the
    flow cannot, and so the share of such samples is noted.

    Raises
    ------
    FlowError
        If the estimator is no normalizing flow, or if there is no observation to condition on.
    """
    estimator = getattr(model, "posterior_estimator", None)
    if estimator is None:
        return _read_estimator(model, context)
    if context is None:
        context = model.default_x
    if context is None:
        raise FlowError(
            "flow: expected an observation to condition on; this posterior has no default x. Pass context=x_o, or "
            "call posterior.set_default_x(x_o) first."
        )
    parts = _read_estimator(estimator, context)
    return replace(parts, note=_leakage(parts, model.prior))


def _read_estimator(estimator: Any, context: ArrayLike | None) -> Parts:
    """Return the parts of a density estimator, which is a flow of zuko or nflows and an embedding net."""
    net: Any = getattr(estimator, "net", None)
    shape = tuple(getattr(estimator, "input_shape", ()))
    is_nflows = all(hasattr(net, name) for name in ("_transform", "_distribution"))
    is_zuko = all(hasattr(net, name) for name in ("transform", "base"))
    if not (is_nflows or is_zuko):
        raise _refusal(estimator)
    if len(shape) != 1:
        raise FlowError(f"flow: expected parameters that are vectors; this estimator has parameters of shape {shape}.")
    arrays = TorchArrays.of(estimator)
    condition = _condition(estimator, context, arrays)
    if is_nflows:
        return Parts.of(NflowsFlow("sbi, nflows", arrays, net, condition), dim=shape[0])
    make = partial(net) if condition is None else partial(_conditioned, estimator, condition)
    return replace(read_law("sbi, zuko", arrays, make), dim=shape[0])


def _conditioned(estimator: Any, condition: Any) -> Any:
    """Return the distribution of a zuko estimator for one observation."""
    return estimator.net(estimator.embedding_net(condition)[0])


def _condition(estimator: Any, context: ArrayLike | None, arrays: TorchArrays) -> Any:
    """Return an observation as a tensor with a leading axis of length one; None for estimators without a condition."""
    if not hasattr(estimator, "condition_shape"):
        if context is not None:
            raise ValueError("context: expected none, for this estimator is unconditional. Leave it out.")
        return None
    expected = tuple(estimator.condition_shape)
    if context is None:
        raise FlowError(f"flow: this estimator is conditional. Pass context=, an observation of shape {expected}.")
    values = np.asarray(context.detach().cpu() if hasattr(context, "detach") else context, dtype=float)
    if values.shape not in (expected, (1, *expected)) or not np.isfinite(values).all():
        raise ValueError(
            f"context: expected one finite observation, shape {expected}; got shape {values.shape}. Rearrange one "
            "flow an observation."
        )
    return arrays.native(values.reshape(1, *expected))


def _leakage(parts: Parts, prior: Any) -> str:
    """Say in words what share of the samples lies outside the support of a prior."""
    within_support = importlib.import_module("sbi.utils.sbiutils").within_support
    drawn = parts.arrays.draw(parts.sample, LEAKAGE_SAMPLES, 0)  # type: ignore[arg-type]
    inside = parts.arrays.call(partial(within_support, prior), drawn)
    return (
        f"its samples are those of the posterior estimator: {1 - inside.mean():.2%} of {LEAKAGE_SAMPLES} lie outside "
        "the prior's support and are not rejected"
    )


def _refusal(model: Any) -> FlowError:
    return FlowError(
        f"flow: expected an sbi posterior or estimator that is a normalizing flow, of a model such as 'maf', 'nsf' or "
        f"'zuko_nsf'; got {type(model).__name__}, which has no map between latents and parameters. Train one of these "
        "models, or make a flow of a density in two or three dimensions by eulerot.flow(log_prob=, dim=)."
    )
