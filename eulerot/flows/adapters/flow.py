"""Any flow as eulerot needs it: float64 NumPy rows in and out, a standard normal source, both maps and a density."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from eulerot.checks import checked_count
from eulerot.errors import FlowError, SourceError
from eulerot.flows.adapters.adapted import AdaptedFlow
from eulerot.flows.adapters.assembly import Assembly
from eulerot.flows.adapters.libraries import read_model, unwrapped
from eulerot.flows.adapters.own_models import read_functions
from eulerot.flows.adapters.state import State, comes_from
from eulerot.flows.knothe.flow import KnotheFlow
from eulerot.flows.protocol import Flow, check_flow
from eulerot.latent.source import check_source, normal_points

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
    direction: str | None = None,
    batch_size: int = 65536,
    check: bool = True,
) -> Flow:
    """Return a flow of a model of any library, or of functions.

    Parameters
    ----------
    model : object, optional
        A trained flow of zuko, nflows, normflows, torch, pyro, flowjax, distrax or tfp, a posterior or an estimator of
        sbi, or an object with some of ``forward``, ``inverse``, ``log_prob`` and ``sample``. It is left as it was.
    forward, inverse, log_prob, sample : callable, optional
        Functions of rows (``sample``: of a number), used in place of the model's. ``forward`` takes standard normal
        latents to data. They get NumPy arrays, or what the model takes if they are its methods or a model is given.
        ``forward`` or ``inverse`` may be ``"numerical"``: the model's own, clipped or iterated, is not used.
    dim : int, optional
        The dimension, where neither the model nor samples of it tell.
    context : array_like, shape (c,), optional
        The context of a conditional flow; for sbi the observation, by default that of the posterior.
    direction : {"to_data", "to_latent"}, optional
        Where ``model.forward`` of an object of one's own leads: from latents to data, which is assumed if nothing is
        said, or from data to latents, as in FFJORD, residual flows and block neural autoregressive flows.
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
        If the object is no flow, if its maps and its density contradict each other, if its own code fails (that error
        is the cause), or if it is another model after its first call than before.
    SourceError
        If its base is neither normal nor uniform on a box.

    Warns
    -----
    UserWarning
        If nothing confirms the direction of a model of one's own: neither ``direction`` nor a density nor samples.

    See Also
    --------
    eulerot.rearrange : Fit a map to a flow, and return its twin.
    eulerot.knothe_flow : Make a flow of a density.
    eulerot.velocity_flow : Make a flow of a velocity.
    eulerot.flows.protocol.Flow : What a flow has to have.

    Examples
    --------
    >>> wide = flow(forward=lambda z: 2 * z, inverse=lambda x: x / 2, dim=2)
    >>> wide.log_prob([[0.0, 0.0]]).round(4)
    array([-3.2242])
    """
    checked_count("batch_size", batch_size)
    if dim is not None:
        checked_count("dim", dim)
    functions = {"forward": forward, "inverse": inverse, "log_prob": log_prob, "sample": sample}
    with_functions = any(function is not None for function in functions.values())
    if model is None and not with_functions:
        raise ValueError("flow: expected a model or functions; got neither. Pass forward= or log_prob=, for example.")
    if model is None and direction is not None:
        raise ValueError("direction: expected a model with a forward method; got functions. Leave direction out.")
    if not with_functions and context is None and _is_flow_of_this_package(model):
        return model
    bare = unwrapped(model)
    if dim is None and isinstance(getattr(bare, "dim", None), int | np.integer):
        dim = int(bare.dim)
    state = State(bare, *functions.values())
    try:
        parts = None if bare is None else read_model(bare, context, direction)
        if with_functions:
            parts = read_functions(parts, bare, **functions)
        assert parts is not None
        assembly = Assembly.of(parts, dim, int(batch_size))
        if state.changes():
            _check_steady(assembly, state)
            assembly = assembly.restoring(bare, *(f for f in functions.values() if callable(f)))
        adapted = assembly.flow()
        if isinstance(adapted, AdaptedFlow):
            adapted = replace(adapted, model=model)
        if check:
            check_flow(adapted)
            _confirm_direction(adapted, assembly)
    finally:
        state.restore()
    return adapted


def _is_flow_of_this_package(model: Any) -> bool:
    """Return whether a model needs no adapter."""
    return comes_from(model, "eulerot") and isinstance(model, Flow) and hasattr(model, "dim")


def _check_steady(assembly: Assembly, state: State) -> None:
    """Raise `FlowError` for a model whose values depend on what it was first called with.

    Layers such as ActNorm set themselves up from the first batch that they see. Models that only count their calls,
    or keep a cache, change too, yet not in their values.
    """
    changes = state.changes()
    rows = normal_points(16, assembly.dim)
    for name in ("to_data", "to_base", "log_prob"):
        if getattr(assembly.parts, name) is None:
            continue
        values = assembly.rows(name)
        try:
            state.restore()
            first = values(rows)
            state.restore()
            values(3 * rows + 1)
            second = values(rows)
        except FlowError:
            continue
        if np.abs(second - first).max() > 1e4 * assembly.precision * (1 + np.abs(first).max()):
            names = ", ".join(changes[:4]) + (", ..." if len(changes) > 4 else "")
            raise FlowError(
                f"flow: the model changes when it is called for the first time, and its values with it ({names}): it "
                "sets itself up from the first batch that it sees, as untrained ActNorm layers do. It was put back as "
                "it was. Train it, or call it on a batch of training data, before it is made a flow."
            )
    state.restore()  # so that the check meets the model as all later calls will


def _confirm_direction(adapted: AdaptedFlow | KnotheFlow, assembly: Assembly) -> None:
    """Check an assumed direction against the samples of a model; warn where there is nothing to check it against."""
    parts = assembly.parts
    if not parts.direction_assumed or parts.log_prob is not None or isinstance(adapted, KnotheFlow):
        return  # check_flow has held the maps against the density of the model
    advice = "If model.forward takes data to latents, pass direction='to_latent' to eulerot.flow"
    if parts.sample is None:
        warnings.warn(
            f"flow: nothing confirms that forward of {parts.library} takes latents to data: it has no log_prob and no "
            f"sample of its own, so that the check sees only what follows from forward. {advice}; if it takes latents "
            "to data, say direction='to_data'.",
            UserWarning,
            stacklevel=3,
        )
        return
    try:
        check_source(adapted.inverse(adapted.model_samples(512)))
    except (FlowError, SourceError) as error:
        raise FlowError(
            f"flow: the samples of {parts.library} are not what its forward makes of standard normal latents. {advice}."
            f" Of the latents of its samples: {error}"
        ) from error
