"""The library of a model, told by what the model has; no library is imported for it.

Directions differ between libraries: in `Parts` ``to_data`` always goes from values of the base to data. That a model
keeps to it is not believed but checked, see `eulerot.flows.protocol`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from eulerot.errors import FlowError
from eulerot.flows.adapters.jax_models import read_distrax, read_flowjax
from eulerot.flows.adapters.own_models import read_own
from eulerot.flows.adapters.parts import Parts
from eulerot.flows.adapters.sbi_models import read_sbi
from eulerot.flows.adapters.state import comes_from
from eulerot.flows.adapters.torch_laws import read_torch, read_zuko
from eulerot.flows.adapters.torch_modules import read_nflows, read_normflows

__all__ = ["read_model", "unwrapped"]


def read_model(model: Any, context: ArrayLike | None = None, direction: str | None = None) -> Parts:
    """Return the parts of a model of any library.

    Parameters
    ----------
    model : object
        A trained flow.
    context : array_like, shape (c,), optional
        The context of a conditional flow.
    direction : {"to_data", "to_latent"}, optional
        Where ``forward`` of an object of one's own leads.

    Raises
    ------
    FlowError
        If the object is no model, if the model is conditional and no context is given, or if its latents are in
        several pieces.
    ValueError
        For a direction of a model whose library has its own convention.
    """
    _refuse_what_is_no_model(model)
    has = partial(_has, model)
    is_sbi = comes_from(model, "sbi") and (has("posterior_estimator") or has("input_shape") or has("potential_fn"))
    given = None if context is None or is_sbi else _one_row(context)
    readers = (
        (is_sbi, lambda: read_sbi(model, context)),
        (comes_from(model, "zuko") and not has("log_prob"), lambda: read_zuko(model, given)),
        (has("transform.inv", "transform.call_and_ladj", "base"), lambda: read_zuko(model, given)),
        (has("forward_and_log_det", "inverse_and_log_det", "q0"), lambda: read_normflows(model, given)),
        (has("transform_to_noise", "_transform", "_distribution"), lambda: read_nflows(model, given)),
        (has("base_dist", "bijection.transform", "bijection.inverse"), lambda: read_flowjax(model, given)),
        (has("distribution", "bijector.forward", "bijector.inverse"), lambda: read_distrax(model, given)),
        (has("base_dist", "transforms"), lambda: read_torch(model, given)),
    )
    for is_one, read in readers:
        if is_one:
            if direction is not None:
                raise ValueError(
                    f"direction: expected none, for the directions of a {type(model).__name__} are known; got "
                    f"{direction!r}. Leave it out."
                )
            return read()
    return read_own(model, given, direction)


def unwrapped(model: Any) -> Any:
    """Return a model without what `torch.compile` or data parallelism has wrapped around it."""
    while comes_from(model, "torch"):
        inner = getattr(model, "_orig_mod", None)
        if inner is None and type(model).__name__ in ("DataParallel", "DistributedDataParallel"):
            inner = model.module
        if inner is None:
            break
        model = inner
    return model


def _refuse_what_is_no_model(model: Any) -> None:
    """Raise `FlowError` for what is given in the place of a model by mistake, with what to do."""
    if isinstance(model, str | bytes | os.PathLike):
        what, advice = f"the path {model!r}", "Load the model first, by torch.load for example, and pass the model"
    elif isinstance(model, Mapping):
        what = f"a mapping ({type(model).__name__}) with the keys {', '.join(map(repr, list(model)[:3]))}"
        advice = "If it is a state_dict, build the model and load it first, by model.load_state_dict(...)"
    elif isinstance(model, type):
        what, advice = f"the class {model.__name__}", "Pass an instance of it, trained"
    elif isinstance(model, np.ndarray) or (hasattr(model, "shape") and hasattr(model, "dtype")):
        what, advice = f"an array of shape {tuple(model.shape)}", "For pairs of latents and data call eulerot.fit(z, x)"
    elif isinstance(model, list | tuple | set):
        what, advice = f"a {type(model).__name__} of {len(model)}", "Pass one flow"
    elif type(model).__name__ in ("function", "builtin_function_or_method", "method"):
        what = f"the function {getattr(model, '__name__', model)}"
        advice = "Say which one it is: eulerot.flow(forward=...), inverse=, log_prob= or sample="
    else:
        return
    raise FlowError(f"flow: expected a model; got {what}. {advice}.")


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
