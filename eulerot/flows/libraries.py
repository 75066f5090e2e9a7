"""Where each flow library keeps its maps, its base and its density; told by what a model has, importing no library.

Directions differ between libraries: here ``to_data`` always goes from values of the base to data. That a model keeps
to it is not believed but checked, see `eulerot.flows.protocol`.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from eulerot.errors import FlowError
from eulerot.flows.arrays import JaxArrays, NumpyArrays, TorchArrays, arrays_of, comes_from

__all__ = ["Parts", "read_callables", "read_model"]


@dataclass(frozen=True)
class Parts:
    """What a model offers, as functions of rows in its own arrays; None where there is nothing.

    Attributes
    ----------
    library : str
        Whose model it is.
    arrays
        How the functions are called.
    to_data, to_base, log_prob : callable or None
        Of rows.
    sample : callable or None
        Of a number and a seed.
    log_det : callable or None
        ``log |det D to_data|`` at values of the base.
    base_log_prob, base_sample : callable or None
        Of the base, like those of the model.
    """

    library: str
    arrays: NumpyArrays | TorchArrays | JaxArrays
    to_data: Callable[..., Any] | None = None
    to_base: Callable[..., Any] | None = None
    log_prob: Callable[..., Any] | None = None
    sample: Callable[..., Any] | None = None
    log_det: Callable[..., Any] | None = None
    base_log_prob: Callable[..., Any] | None = None
    base_sample: Callable[..., Any] | None = None


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
        return _zuko(model, given)
    if has("transform.inv", "transform.call_and_ladj", "base"):
        return _zuko(model, given)
    if has("forward_and_log_det", "inverse_and_log_det", "q0"):
        return _normflows(model, given)
    if has("transform_to_noise", "_transform", "_distribution"):
        return _nflows(model, given)
    if has("base_dist", "bijection.transform", "bijection.inverse"):
        return _flowjax(model, given)
    if has("distribution", "bijector.forward", "bijector.inverse"):
        return _distrax(model, given)
    if has("base_dist", "transforms"):
        return _torch(model, given)
    return _own(model, given)


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


def _torch_sample(sample: Callable[..., Any]) -> Callable[[int, int], Any]:
    """Return a sampler with a seed; the session of the call puts the user's random state back."""

    def seeded(n: int, seed: int) -> Any:
        importlib.import_module("torch").manual_seed(seed)
        return sample(n)

    return seeded


def _rows(context: np.ndarray | None, arrays: NumpyArrays | TorchArrays) -> Callable[[int], dict[str, Any]]:
    """Return the keyword arguments that give `n` rows of a context."""
    if context is None:
        return lambda n: {}
    return lambda n: {"context": arrays.native(np.tile(context, (n, 1)))}


def _zuko(model: Any, context: np.ndarray | None) -> Parts:
    arrays = TorchArrays.of(model)
    given = None if context is None else arrays.native(context)

    def law() -> Any:  # called anew each time: a lazy flow follows its parameters, and no graph is kept
        return model if hasattr(model, "log_prob") else model(given)

    with_maps = hasattr(model, "transform") and hasattr(model, "base")
    density = Parts(
        "zuko", arrays, log_prob=lambda x: law().log_prob(x), sample=_torch_sample(lambda n: law().sample((n,)))
    )
    if not with_maps:
        return density
    return Parts(
        "zuko",
        arrays,
        to_data=lambda z: law().transform.inv(z),
        to_base=lambda x: law().transform(x),
        log_prob=density.log_prob,
        sample=density.sample,
        log_det=lambda z: law().transform.inv.call_and_ladj(z)[1],
        base_log_prob=lambda z: law().base.log_prob(z),
        base_sample=_torch_sample(lambda n: law().base.sample((n,))),
    )


def _normflows(model: Any, context: np.ndarray | None) -> Parts:
    if not hasattr(model.q0, "log_prob"):
        raise FlowError(
            "flow: expected one latent vector; this normflows model has a list of bases, its latents in several "
            "pieces. Pass maps of their concatenation to eulerot.flow(forward=, inverse=, ...)."
        )
    arrays = TorchArrays.of(model)
    rows = _rows(context, arrays)
    return Parts(
        "normflows",
        arrays,
        to_data=lambda z: model.forward(z, **rows(len(z))),
        to_base=lambda x: model.inverse(x, **rows(len(x))),
        log_prob=lambda x: model.log_prob(x, **rows(len(x))),
        sample=_torch_sample(lambda n: model.sample(n, **rows(n))),
        log_det=lambda z: model.forward_and_log_det(z, **rows(len(z)))[1],
        base_log_prob=lambda z: model.q0.log_prob(z, **rows(len(z))),
        base_sample=_torch_sample(lambda n: model.q0(n, **rows(n))),
    )


def _nflows(model: Any, context: np.ndarray | None) -> Parts:
    conditional = any(getattr(module, "context_layer", None) is not None for module in model.modules())
    if conditional and context is None:
        raise FlowError(
            "flow: this nflows model is conditional, and would silently ignore that no context is given. Pass "
            "context=, one vector."
        )
    arrays = TorchArrays.of(model)
    rows = _rows(context, arrays)

    def embedded(n: int) -> dict[str, Any]:
        embed = getattr(model, "_embedding_net", None)
        return {key: embed(value) if embed else value for key, value in rows(n).items()}

    def base_sample(n: int) -> Any:
        values = model._distribution.sample(n if context is None else 1, **embedded(n))
        return values if context is None else values.reshape(n, -1)

    return Parts(
        "nflows",
        arrays,
        to_data=lambda z: model._transform.inverse(z, **embedded(len(z))),
        to_base=lambda x: model.transform_to_noise(x, **rows(len(x))),
        log_prob=lambda x: model.log_prob(x, **rows(len(x))),
        sample=_torch_sample(lambda n: model.sample(n, **rows(1)).reshape(n, -1)),
        log_det=lambda z: model._transform.inverse(z, **embedded(len(z)))[1],
        base_log_prob=lambda z: model._distribution.log_prob(z, **embedded(len(z))),
        base_sample=_torch_sample(base_sample),
    )


def _flowjax(model: Any, context: np.ndarray | None) -> Parts:
    jax = importlib.import_module("jax")
    arrays = JaxArrays.of(model)
    condition = None if context is None else arrays.native(context)

    def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
        return jax.jit(jax.vmap(lambda row: function(row, condition)))

    def sampler(law: Any) -> Callable[[int, int], Any]:
        given = condition if getattr(law, "cond_shape", None) is not None else None
        return lambda n, seed: law.sample(jax.random.key(seed), (n,), given)

    return Parts(
        "flowjax",
        arrays,
        to_data=compiled(model.bijection.transform),
        to_base=compiled(model.bijection.inverse),
        log_prob=compiled(model.log_prob),
        sample=sampler(model),
        log_det=compiled(lambda row, given: model.bijection.transform_and_log_det(row, given)[1]),
        base_log_prob=jax.jit(jax.vmap(model.base_dist.log_prob)),
        base_sample=sampler(model.base_dist),
    )


def _distrax(model: Any, context: np.ndarray | None) -> Parts:
    if context is not None:
        raise ValueError("context: expected none, for a distrax or tfp model takes none. Close over it when building.")
    library = "distrax" if comes_from(model, "distrax") else "tfp"
    arrays = arrays_of(model)
    compiled: Callable[..., Any] = (
        importlib.import_module("jax").jit if isinstance(arrays, JaxArrays) else lambda function: function
    )

    def sampler(law: Any) -> Callable[[int, int], Any]:
        if isinstance(arrays, JaxArrays):
            key = importlib.import_module("jax").random.key
            return lambda n, seed: law.sample(seed=key(seed), sample_shape=(n,))
        return lambda n, seed: law.sample(seed=seed, sample_shape=(n,))

    return Parts(
        library,
        arrays,
        to_data=compiled(model.bijector.forward),
        to_base=compiled(model.bijector.inverse),
        log_prob=compiled(model.log_prob),
        sample=sampler(model),
        base_log_prob=compiled(model.distribution.log_prob),
        base_sample=sampler(model.distribution),
    )


def _torch(model: Any, context: np.ndarray | None) -> Parts:
    arrays = TorchArrays.of(model)
    if hasattr(model, "condition"):  # pyro's conditional laws
        if context is None:
            raise FlowError("flow: this pyro model is conditional. Pass context=, one vector.")
        with arrays.session():
            model = model.condition(arrays.native(context))
    elif context is not None:
        raise ValueError("context: expected none, for this TransformedDistribution is not conditional.")

    def to_data(z: Any) -> Any:
        for transform in model.transforms:
            z = transform(z)
        return z

    def to_base(x: Any) -> Any:
        for transform in reversed(model.transforms):
            x = transform.inv(x)
        return x

    def log_det(z: Any) -> Any:
        total: Any = 0.0
        for transform in model.transforms:
            x = transform(z)
            gained = transform.log_abs_det_jacobian(z, x)
            total = total + (gained.sum(-1) if gained.dim() > 1 else gained)
            z = x
        return total

    return Parts(
        "pyro" if comes_from(model, "pyro") else "torch",
        arrays,
        to_data=to_data,
        to_base=to_base,
        log_prob=model.log_prob,
        sample=_torch_sample(lambda n: model.sample((n,))),
        log_det=log_det,
        base_log_prob=model.base_dist.log_prob,
        base_sample=_torch_sample(lambda n: model.base_dist.sample((n,))),
    )


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


def read_callables(parts: Parts | None, model: Any, **functions: Callable[..., Any] | None) -> Parts:
    """Return the parts of functions, each of which takes the place of a model's own.

    Functions that are methods of a torch or jax model are given its arrays, all others NumPy arrays, unless a model
    says otherwise.
    """
    given = {name: function for name, function in functions.items() if function is not None}
    owners = [owner for f in given.values() if (owner := getattr(f, "__self__", None)) is not None]
    owner = owners[0] if owners else None
    like = model if model is not None else owner
    parts = parts or Parts("callables", arrays_of(like))
    if not {"forward", "inverse"}.isdisjoint(given):  # the base of the model need not be the one of these maps
        parts = replace(parts, log_det=None, base_log_prob=None, base_sample=None)
    names = {"forward": "to_data", "inverse": "to_base", "log_prob": "log_prob"}
    changed: dict[str, Any] = {names[name]: f for name, f in given.items() if name in names}
    if "sample" in given:
        changed["sample"] = _sampler(given["sample"], like)
    return replace(parts, **changed)


def _sampler(draw: Callable[..., Any] | None, model: Any) -> Callable[[int, int], Any] | None:
    """Return a sampler with a seed of one that takes a number, and perhaps a seed."""
    if draw is None:
        return None
    if isinstance(arrays_of(model), TorchArrays):
        is_law = hasattr(model, "event_shape")
        return _torch_sample(lambda n: draw((n,) if is_law else n))
    try:
        takes_seed = "seed" in inspect.signature(draw).parameters
    except (TypeError, ValueError):
        takes_seed = False
    return (lambda n, seed: draw(n, seed=seed)) if takes_seed else lambda n, seed: draw(n)
