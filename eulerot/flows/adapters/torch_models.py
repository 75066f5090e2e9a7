"""Where the libraries on torch keep their maps, their base and their density."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from eulerot.errors import FlowError
from eulerot.flows.adapters.arrays import TorchArrays, comes_from
from eulerot.flows.adapters.parts import Parts

__all__ = ["read_nflows", "read_normflows", "read_torch", "read_zuko", "seeded"]


def read_zuko(model: Any, context: np.ndarray | None) -> Parts:
    """Return the parts of a zuko flow, lazy or not, or of a zuko distribution."""
    arrays = TorchArrays.of(model)
    given = None if context is None else arrays.native(context)

    def law() -> Any:  # called anew each time: a lazy flow follows its parameters, and no graph is kept
        return model if hasattr(model, "log_prob") else model(given)

    with_maps = hasattr(model, "transform") and hasattr(model, "base")
    density = Parts("zuko", arrays, log_prob=lambda x: law().log_prob(x), sample=seeded(lambda n: law().sample((n,))))
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
        base_sample=seeded(lambda n: law().base.sample((n,))),
    )


def read_normflows(model: Any, context: np.ndarray | None) -> Parts:
    """Return the parts of a normflows model."""
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
        sample=seeded(lambda n: model.sample(n, **rows(n))),
        log_det=lambda z: model.forward_and_log_det(z, **rows(len(z)))[1],
        base_log_prob=lambda z: model.q0.log_prob(z, **rows(len(z))),
        base_sample=seeded(lambda n: model.q0(n, **rows(n))),
    )


def read_nflows(model: Any, context: np.ndarray | None) -> Parts:
    """Return the parts of an nflows model."""
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
        sample=seeded(lambda n: model.sample(n, **rows(1)).reshape(n, -1)),
        log_det=lambda z: model._transform.inverse(z, **embedded(len(z)))[1],
        base_log_prob=lambda z: model._distribution.log_prob(z, **embedded(len(z))),
        base_sample=seeded(base_sample),
    )


def read_torch(model: Any, context: np.ndarray | None) -> Parts:
    """Return the parts of a torch or pyro ``TransformedDistribution``."""
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
        sample=seeded(lambda n: model.sample((n,))),
        log_det=log_det,
        base_log_prob=model.base_dist.log_prob,
        base_sample=seeded(lambda n: model.base_dist.sample((n,))),
    )


def _rows(context: np.ndarray | None, arrays: TorchArrays) -> Callable[[int], dict[str, Any]]:
    """Return the keyword arguments that give `n` rows of a context."""
    if context is None:
        return lambda n: {}
    return lambda n: {"context": arrays.native(np.tile(context, (n, 1)))}


def seeded(sample: Callable[..., Any]) -> Callable[[int, int], Any]:
    """Return a sampler with a seed; the session of the call puts the user's random state back."""

    def with_seed(n: int, seed: int) -> Any:
        importlib.import_module("torch").manual_seed(seed)
        return sample(n)

    return with_seed
