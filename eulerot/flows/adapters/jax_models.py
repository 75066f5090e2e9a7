"""Where the libraries on jax keep their maps, their base and their density."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from eulerot.flows.adapters.arrays import JaxArrays, arrays_of, comes_from
from eulerot.flows.adapters.parts import Parts

__all__ = ["read_distrax", "read_flowjax"]


def read_flowjax(model: Any, context: np.ndarray | None) -> Parts:
    """Return the parts of a flowjax model."""
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


def read_distrax(model: Any, context: np.ndarray | None) -> Parts:
    """Return the parts of a distrax or tfp model."""
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
