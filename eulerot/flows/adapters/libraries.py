"""The library of a model, told by what the model has; no library is imported for it.

Directions differ between libraries: here ``to_data`` always goes from values of the base to data. That a model keeps
to it is not believed but checked, see `eulerot.flows.protocol`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from eulerot.flows.adapters.arrays import TorchArrays, arrays_of, comes_from
from eulerot.flows.adapters.jax_models import read_distrax, read_flowjax
from eulerot.flows.adapters.parts import Parts
from eulerot.flows.adapters.torch_models import read_nflows, read_normflows, read_torch, read_zuko, seeded

__all__ = ["read_callables", "read_model"]

NUMERICAL = "numerical"


def read_model(model: Any, context: ArrayLike | None = None) -> Parts:
    """Return the parts of a model of any library.

    Parameters
    ----------
    model : object
        A trained flow.
    context : array_like, shape (c,), optional
        What a conditional flow is conditioned on.

    Raises
    ------
    FlowError
        If the model is conditional and no context is given, or if its latents are in several pieces.
    """
    given = None if context is None else _one_row(context)
    has = partial(_has, model)
    if comes_from(model, "zuko") and not has("log_prob"):
        return read_zuko(model, given)
    if has("transform.inv", "transform.call_and_ladj", "base"):
        return read_zuko(model, given)
    if has("forward_and_log_det", "inverse_and_log_det", "q0"):
        return read_normflows(model, given)
    if has("transform_to_noise", "_transform", "_distribution"):
        return read_nflows(model, given)
    if has("base_dist", "bijection.transform", "bijection.inverse"):
        return read_flowjax(model, given)
    if has("distribution", "bijector.forward", "bijector.inverse"):
        return read_distrax(model, given)
    if has("base_dist", "transforms"):
        return read_torch(model, given)
    return _own(model, given)


def read_callables(parts: Parts | None, model: Any, **functions: Callable[..., Any] | str | None) -> Parts:
    """Return the parts of functions, each of which takes the place of a model's own.

    Functions that are methods of a torch or jax model are given its arrays, all others NumPy arrays, unless a model
    says otherwise.
    """
    given = {name: function for name, function in functions.items() if function is not None}
    for name, function in given.items():
        if not (callable(function) or (function == NUMERICAL and name in ("forward", "inverse"))):
            raise ValueError(f"{name}: expected a function, or {NUMERICAL!r} for a map; got {function!r}.")
    owners = [owner for f in given.values() if (owner := getattr(f, "__self__", None)) is not None]
    owner = owners[0] if owners else None
    like = model if model is not None else owner
    parts = parts or Parts("callables", arrays_of(like))
    if callable(given.get("forward")) or callable(given.get("inverse")):
        # the base of the model need not be the one of these maps
        parts = replace(parts, log_det=None, base_log_prob=None, base_sample=None)
    names = {"forward": "to_data", "inverse": "to_base", "log_prob": "log_prob"}
    changed: dict[str, Any] = {names[k]: None if f == NUMERICAL else f for k, f in given.items() if k in names}
    if "sample" in given:
        changed["sample"] = _sampler(functions["sample"], like)  # type: ignore[arg-type]
    return replace(parts, **changed)


def _has(model: object, *paths: str) -> bool:
    for path in paths:
        thing: Any = model
        for name in path.split("."):
            thing = getattr(thing, name, None)
        if thing is None:
            return False
    return True


def _one_row(context: ArrayLike) -> np.ndarray:
    row = np.asarray(context.detach().cpu() if hasattr(context, "detach") else context, dtype=float)
    if row.ndim == 2 and len(row) == 1:
        row = row[0]
    if row.ndim != 1 or not np.isfinite(row).all():
        raise ValueError(
            f"context: expected one finite vector, shape (c,); got shape {row.shape}. Rearrange one flow a context."
        )
    return row


def _own(model: Any, context: np.ndarray | None) -> Parts:
    arrays = arrays_of(model)

    def method(name: str) -> Callable[..., Any] | None:
        function = getattr(model, name, None)
        if not callable(function) or getattr(function, "__name__", "") == "_forward_unimplemented":
            return None
        return function if context is None else lambda argument: function(argument, context=arrays.native(context))

    return Parts(
        type(model).__name__,
        arrays,
        to_data=method("forward"),
        to_base=method("inverse"),
        log_prob=method("log_prob"),
        sample=_sampler(method("sample"), model),
    )


def _sampler(draw: Callable[..., Any] | None, model: Any) -> Callable[[int, int], Any] | None:
    """Return a sampler with a seed of one that takes a number, and perhaps a seed."""
    if draw is None:
        return None
    if isinstance(arrays_of(model), TorchArrays):
        is_law = hasattr(model, "event_shape")
        return seeded(lambda n: draw((n,) if is_law else n))
    try:
        takes_seed = "seed" in inspect.signature(draw).parameters
    except (TypeError, ValueError):
        takes_seed = False
    return (lambda n, seed: draw(n, seed=seed)) if takes_seed else lambda n, seed: draw(n)
