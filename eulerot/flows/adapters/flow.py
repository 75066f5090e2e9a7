"""Any flow as eulerot needs it: float64 NumPy rows in and out, a standard normal source, both maps and a density."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from eulerot.flows.adapters.adapted import AdaptedFlow
from eulerot.flows.adapters.arrays import comes_from
from eulerot.flows.adapters.assembly import Assembly
from eulerot.flows.adapters.libraries import read_callables, read_model
from eulerot.flows.protocol import Flow, check_flow

__all__ = ["flow"]


def flow(
    model: Any = None,
    *,
    forward: Callable[..., Any] | str | None = None,
    inverse: Callable[..., Any] | str | None = None,
    log_prob: Callable[..., Any] | None = None,
    sample: Callable[..., Any] | None = None,
    dim: int | None = None,
    context: ArrayLike | None = None,
    batch_size: int = 65536,
    check: bool = True,
) -> Flow:
    """Return a flow of a model of any library, or of functions.

    Parameters
    ----------
    model : object, optional
        A trained flow of zuko, nflows, normflows, torch, pyro, flowjax, distrax or tfp, or an object with some of
        ``forward``, ``inverse``, ``log_prob`` and ``sample``.
    forward, inverse, log_prob, sample : callable, optional
        Functions of rows (``sample``: of a number), used in place of the model's. ``forward`` takes standard normal
        latents to data. They get NumPy arrays, or what the model takes if they are its methods or a model is given.
        ``forward`` or ``inverse`` may be ``"numerical"``: the model's own, clipped or iterated, is not used.
    dim : int, optional
        The dimension, where neither the model nor samples of it tell.
    context : array_like, shape (c,), optional
        What a conditional flow is conditioned on.
    batch_size : int
        The largest number of rows in one call of the model.
    check : bool
        Whether to check that maps, density and base belong together.

    Returns
    -------
    Flow
        With ``forward``, ``inverse``, ``log_prob``, ``sample``, ``dim`` and ``map``, which says in words which maps
        are used. If one map is missing it is found numerically; a density without maps gets the Knothe-Rosenblatt map
        in two and three dimensions.

    Raises
    ------
    FlowError
        If the object is no flow, or its maps and its density contradict each other.
    SourceError
        If its base is neither normal nor uniform on a box.

    Examples
    --------
    >>> wide = flow(forward=lambda z: 2 * z, inverse=lambda x: x / 2, dim=2)
    >>> wide.log_prob([[0.0, 0.0]]).round(4)
    array([-3.2242])
    """
    if not isinstance(batch_size, int | np.integer) or batch_size < 1:
        raise ValueError(f"batch_size: expected a whole number of at least 1; got {batch_size!r}.")
    functions = {"forward": forward, "inverse": inverse, "log_prob": log_prob, "sample": sample}
    with_functions = any(function is not None for function in functions.values())
    if model is None and not with_functions:
        raise ValueError("flow: expected a model or functions; got neither. Pass forward= or log_prob=, for example.")
    if not with_functions and context is None and _is_ours(model):
        return model
    parts = None if model is None else read_model(model, context)
    if with_functions:
        parts = read_callables(parts, model, **functions)
    assert parts is not None
    adapted = Assembly.of(parts, dim if dim is not None else getattr(model, "dim", None), int(batch_size)).flow()
    if isinstance(adapted, AdaptedFlow):
        adapted = replace(adapted, model=model)
    if check:
        check_flow(adapted)
    return adapted


def _is_ours(model: Any) -> bool:
    """Return whether a model is a flow of this package, which needs no adapter."""
    return comes_from(model, "eulerot") and isinstance(model, Flow) and hasattr(model, "dim")
