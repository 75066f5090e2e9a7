"""Distributions of torch, pyro and zuko, lazy or not: their transforms, their base and their density.

Transforms of torch and pyro take values of the base to data; the transform of a zuko flow takes data to the base.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from eulerot.errors import FlowError
from eulerot.flows.adapters.arrays import TorchArrays
from eulerot.flows.adapters.parts import Parts
from eulerot.flows.adapters.state import comes_from

__all__ = ["TorchLaw", "read_torch", "read_zuko"]


@dataclass(frozen=True)
class TorchLaw:
    """The functions of a distribution that is made anew for each call, so that it follows its parameters.

    Attributes
    ----------
    library : str
        Whose distribution it is.
    arrays : TorchArrays
        How its functions are called.
    make : callable
        A function that returns the distribution.
    depth : int
        How many bases lie between the distribution and the base of `to_data`; zero for its own base.
    conditional : bool
        Whether `make` gives the law a condition, so that its transforms are others each time.
    """

    library: str
    arrays: TorchArrays
    make: Callable[[], Any]
    depth: int = 0
    conditional: bool = False

    def to_data(self, b: Any) -> Any:
        """Return the data of values of the base."""
        for transform in self.unnested()[0]:
            b = transform(b)
        return b

    def to_base(self, x: Any) -> Any:
        """Return the values of the base of data."""
        for transform in reversed(self.unnested()[0]):
            x = transform.inv(x)
        return x

    def log_det(self, b: Any) -> Any:
        """Return ``log |det D to_data|`` at values of the base."""
        total: Any = 0.0
        for transform in self.unnested()[0]:
            x = transform(b)
            total = total + _row_sums(transform.log_abs_det_jacobian(b, x))
            b = x
        return total

    def log_prob(self, x: Any) -> Any:
        """Return the log density of data."""
        return self.make().log_prob(x)

    def sample(self, n: int) -> Any:
        """Return samples."""
        return self.make().sample((n,))

    def base_log_prob(self, b: Any) -> Any:
        """Return the log density of values of the base."""
        return _row_sums(self.unnested()[1].log_prob(b))

    def base_sample(self, n: int) -> Any:
        """Return samples of the base."""
        return self.unnested()[1].sample((n,))

    def deeper(self) -> Parts | None:
        """Return the parts for the base of the base, if the base is a flow itself."""
        with self.arrays.session():
            if _as_flow(self.unnested()[1]) is None:
                return None
        return Parts.of(replace(self, depth=self.depth + 1))

    def unnested(self) -> tuple[list[Any], Any]:
        """Return the transforms from the base to the data, and the base."""
        transforms: list[Any] = []
        law = self.make()
        for _ in range(self.depth + 1):
            law = _as_flow(law)
            if hasattr(law, "base_dist"):
                transforms[:0], law = law.transforms, law.base_dist
            else:
                transforms[:0], law = [law.transform.inv], law.base
        return transforms, law


def _as_flow(law: Any) -> Any:
    """Return a distribution that has transforms, without ``Independent`` around it; None for other ones."""
    while hasattr(law, "reinterpreted_batch_ndims"):
        law = law.base_dist
    is_flow = hasattr(law, "base_dist") and hasattr(law, "transforms")
    return law if is_flow or (hasattr(law, "transform") and hasattr(law, "base")) else None


def _row_sums(values: Any) -> Any:
    """Return one number a row, where a distribution of independent coordinates gives one for each."""
    return values.flatten(1).sum(1) if values.dim() > 1 else values


def read_zuko(model: Any, context: np.ndarray | None) -> Parts:
    """Return the parts of a zuko flow, lazy or not, or of a zuko distribution."""
    arrays = TorchArrays.of(model)
    given = None if context is None else arrays.native(context)
    if hasattr(model, "log_prob") and context is not None:
        raise ValueError("context: expected none, for this distribution is not conditional. Pass the lazy flow.")
    make = partial(_itself, model) if hasattr(model, "log_prob") else partial(model, given)
    return read_law("zuko", arrays, make)


def read_torch(model: Any, context: np.ndarray | None) -> Parts:
    """Return the parts of a torch or pyro ``TransformedDistribution``."""
    arrays = TorchArrays.of(model)
    if hasattr(model, "condition"):  # pyro's conditional distributions
        if context is None:
            raise FlowError("flow: this pyro model is conditional. Pass context=, one vector.")
        make = partial(_conditioned, model, arrays.native(context))
    elif context is not None:
        raise ValueError("context: expected none, for this TransformedDistribution is not conditional. Leave it out.")
    else:
        make = partial(_itself, model)
    return read_law(
        "pyro" if comes_from(model, "pyro") else "torch", arrays, make, conditional=hasattr(model, "condition")
    )


def read_law(library: str, arrays: TorchArrays, make: Callable[[], Any], *, conditional: bool = False) -> Parts:
    """Return the parts of a distribution: its maps and its density, or its density alone."""
    law = TorchLaw(library, arrays, make, conditional=conditional)
    with arrays.session():
        example = make()
        shape = tuple(getattr(example, "event_shape", ()))
    dim = int(shape[0]) if len(shape) == 1 else None
    if _as_flow(example) is None:
        return Parts(library, arrays, log_prob=law.log_prob, sample=law.sample, dim=dim)
    return Parts.of(law, dim=dim)


def _itself(model: Any) -> Any:
    return model


def _conditioned(model: Any, context: Any) -> Any:
    return model.condition(context)
