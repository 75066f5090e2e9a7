"""Objects and functions of the user's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from eulerot.checks import checked_choice
from eulerot.flows.adapters.arrays import TorchArrays, arrays_of
from eulerot.flows.adapters.parts import Parts

__all__ = ["DIRECTIONS", "NUMERICAL", "read_functions", "read_own"]

NUMERICAL = "numerical"
# Where the forward method of a model leads
DIRECTIONS = ("to_data", "to_latent")


def read_own(model: Any, context: np.ndarray | None, direction: str | None) -> Parts:
    """Return the parts of an object with some of the methods ``forward``, ``inverse``, ``log_prob`` and ``sample``.

    Parameters
    ----------
    model : object
        The object.
    context : ndarray or None
        A context, given to each method as an argument of that name.
    direction : {"to_data", "to_latent"} or None
        Where ``forward`` leads; None to assume that it leads to the data.
    """
    arrays = arrays_of(model)
    given = {} if context is None else {"context": arrays.native(context)}
    maps = [_method(model, "forward", given), _method(model, "inverse", given)]
    if direction is not None and checked_choice("direction", direction, DIRECTIONS) == "to_latent":
        maps.reverse()
    return Parts(
        type(model).__name__,
        arrays,
        to_data=maps[0],
        to_base=maps[1],
        log_prob=_method(model, "log_prob", given),
        sample=_sampler(_method(model, "sample", given), model),
        direction_assumed=direction is None and any(maps),
    )


def read_functions(parts: Parts | None, model: Any, **functions: Callable[..., Any] | str | None) -> Parts:
    """Return the parts of functions, each of which takes the place of a model's own.

    Functions that are methods of a torch or jax model are given its arrays, all others NumPy arrays, unless a model
    says otherwise.
    """
    given = {name: function for name, function in functions.items() if function is not None}
    for name, function in given.items():
        if not (callable(function) or (function == NUMERICAL and name in ("forward", "inverse"))):
            raise ValueError(f"{name}: expected a function, or {NUMERICAL!r} for a map; got {function!r}.")
    owners = [owner for f in given.values() if (owner := getattr(f, "__self__", None)) is not None]
    like = model if model is not None or not owners else owners[0]
    parts = replace(parts, reader=None) if parts else Parts("callables", arrays_of(like))
    if callable(given.get("forward")) or callable(given.get("inverse")):
        # the base of the model need not be the one of these maps
        parts = replace(parts, log_det=None, base_log_prob=None, base_sample=None, deeper=None, direction_assumed=False)
    names = {"forward": "to_data", "inverse": "to_base", "log_prob": "log_prob"}
    changed: dict[str, Any] = {names[k]: None if f == NUMERICAL else f for k, f in given.items() if k in names}
    if "sample" in given:
        changed["sample"] = _sampler(given["sample"], like)
    return replace(parts, **changed)


def _method(model: Any, name: str, given: dict[str, Any]) -> Callable[..., Any] | None:
    """Return a method of a model, with its context; None where the model does not have it."""
    function = getattr(model, name, None)
    if not callable(function) or getattr(function, "__name__", "") == "_forward_unimplemented":
        return None
    return partial(function, **given) if given else function


def _sampler(draw: Any, model: Any) -> Callable[..., Any] | None:
    """Return a sampler as a function of a number; those of torch distributions take a shape."""
    if draw is not None and isinstance(arrays_of(model), TorchArrays) and hasattr(model, "event_shape"):
        return _OfShape(draw)
    return draw


@dataclass(frozen=True)
class _OfShape:
    """A sampler that takes a shape, as one that takes a number."""

    draw: Callable[..., Any]

    def __call__(self, n: int) -> Any:
        return self.draw((n,))
