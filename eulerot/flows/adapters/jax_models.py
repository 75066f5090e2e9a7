"""Models of flowjax, distrax and tfp: where they keep their maps, their base and their density."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from eulerot.flows.adapters.arrays import JaxArrays, NumpyArrays, TorchArrays, arrays_of
from eulerot.flows.adapters.parts import Parts
from eulerot.flows.adapters.state import comes_from

__all__ = ["Compiled", "DistraxModel", "FlowjaxModel", "read_distrax", "read_flowjax"]


class Compiled:
    """A function compiled by jax, of one row or of many; a copy is compiled anew."""

    def __init__(self, function: Callable[..., Any], of_one_row: bool) -> None:
        jax = importlib.import_module("jax")
        self.function, self.of_one_row = function, of_one_row
        self._compiled = jax.jit(jax.vmap(function) if of_one_row else function)

    def __call__(self, rows: Any) -> Any:
        return self._compiled(rows)

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        return Compiled, (self.function, self.of_one_row)


def _compiled(reader: Any, *, of_one_row: bool) -> Parts:
    """Return the parts of a reader, its functions of rows compiled."""
    names = ("to_data", "to_base", "log_prob", "log_det", "base_log_prob")
    functions = {name: Compiled(getattr(reader, name), of_one_row) for name in names if hasattr(reader, name)}
    return Parts.of(reader, **functions, dim=reader.dim)


def _only(shape: tuple[int, ...]) -> int | None:
    """Return the dimension of vectors; None for other shapes."""
    return int(shape[0]) if len(shape) == 1 else None


@dataclass(frozen=True)
class FlowjaxModel:
    """The functions of a flowjax model for one row.

    Attributes
    ----------
    arrays : JaxArrays
        How the functions are called.
    model : flowjax.distributions.AbstractTransformed
        The model.
    condition : ndarray or None
        The context of a conditional model.
    depth : int
        How many bases lie between the model and the base of `to_data`; zero for its own base.
    """

    arrays: JaxArrays
    model: Any
    condition: Any
    depth: int = 0
    library: str = "flowjax"

    @property
    def dim(self) -> int | None:
        """The dimension of the data."""
        return _only(self.model.shape)

    def to_data(self, b: Any) -> Any:
        """Return the data of values of the base."""
        for bijection in reversed(self.unnested()[0]):
            b = bijection.transform(b, self.condition)
        return b

    def to_base(self, x: Any) -> Any:
        """Return the values of the base of data."""
        for bijection in self.unnested()[0]:
            x = bijection.inverse(x, self.condition)
        return x

    def log_det(self, b: Any) -> Any:
        """Return ``log |det D to_data|`` at values of the base."""
        total: Any = 0.0
        for bijection in reversed(self.unnested()[0]):
            b, log_det = bijection.transform_and_log_det(b, self.condition)
            total = total + log_det
        return total

    def log_prob(self, x: Any) -> Any:
        """Return the log density of data."""
        return self.model.log_prob(x, self.condition)

    def sample(self, n: int, seed: int) -> Any:
        """Return samples."""
        return self._drawn(self.model, n, seed)

    def base_log_prob(self, b: Any) -> Any:
        """Return the log density of values of the base."""
        return self.unnested()[1].log_prob(b, self.condition)

    def base_sample(self, n: int, seed: int) -> Any:
        """Return samples of the base."""
        return self._drawn(self.unnested()[1], n, seed)

    def deeper(self) -> Parts | None:
        """Return the parts for the base of the base, if the base is a flow itself."""
        base = self.unnested()[1]
        is_flow = hasattr(base, "bijection") and hasattr(base, "base_dist")
        return _compiled(replace(self, depth=self.depth + 1), of_one_row=True) if is_flow else None

    def unnested(self) -> tuple[list[Any], Any]:
        """Return the bijections from the data to the base, and the base."""
        bijections, law = [], self.model
        for _ in range(self.depth + 1):
            bijections.append(law.bijection)
            law = law.base_dist
        return bijections, law

    def _drawn(self, law: Any, n: int, seed: int) -> Any:
        condition = self.condition if law.cond_shape is not None else None
        return law.sample(importlib.import_module("jax").random.key(seed), (n,), condition)


def read_flowjax(model: Any, context: np.ndarray | None) -> Parts:
    """Return the parts of a flowjax model."""
    arrays = JaxArrays.of(model)
    if context is not None and model.cond_shape is None:
        raise ValueError("context: expected none, for this flowjax model is not conditional. Leave it out.")
    model = importlib.import_module("paramax").unwrap(model)
    return _compiled(FlowjaxModel(arrays, model, None if context is None else arrays.native(context)), of_one_row=True)


@dataclass(frozen=True)
class DistraxModel:
    """The functions of a distrax or tfp model of many rows, see `FlowjaxModel` for the attributes."""

    library: str
    arrays: NumpyArrays | TorchArrays | JaxArrays
    model: Any
    depth: int = 0

    @property
    def dim(self) -> int | None:
        """The dimension of the data."""
        return _only(tuple(self.model.event_shape))

    def to_data(self, b: Any) -> Any:
        """Return the data of values of the base."""
        for bijector in reversed(self.unnested()[0]):
            b = bijector.forward(b)
        return b

    def to_base(self, x: Any) -> Any:
        """Return the values of the base of data."""
        for bijector in self.unnested()[0]:
            x = bijector.inverse(x)
        return x

    def log_prob(self, x: Any) -> Any:
        """Return the log density of data."""
        return self.model.log_prob(x)

    def sample(self, n: int, seed: int) -> Any:
        """Return samples."""
        return self._drawn(self.model, n, seed)

    def base_log_prob(self, b: Any) -> Any:
        """Return the log density of values of the base."""
        values = self.unnested()[1].log_prob(b)
        # a base of independent coordinates gives one number for each
        return values.reshape(len(b), -1).sum(axis=1) if len(values.shape) > 1 else values

    def base_sample(self, n: int, seed: int) -> Any:
        """Return samples of the base."""
        return self._drawn(self.unnested()[1], n, seed)

    def deeper(self) -> Parts | None:
        """Return the parts for the base of the base, if the base is a flow itself."""
        if _as_transformed(self.unnested()[1]) is None:
            return None
        return _read_at(replace(self, depth=self.depth + 1))

    def unnested(self) -> tuple[list[Any], Any]:
        """Return the bijectors from the data to the base, and the base."""
        bijectors, law = [], self.model
        for _ in range(self.depth + 1):
            law = _as_transformed(law)
            bijectors.append(law.bijector)
            law = law.distribution
        return bijectors, law

    def _drawn(self, law: Any, n: int, seed: int) -> Any:
        is_jax = isinstance(self.arrays, JaxArrays)
        return law.sample(seed=importlib.import_module("jax").random.key(seed) if is_jax else seed, sample_shape=(n,))


def _as_transformed(law: Any) -> Any:
    """Return a distribution that has a bijector, without ``Independent`` around it; None for other ones."""
    while hasattr(law, "reinterpreted_batch_ndims") and hasattr(law, "distribution"):
        law = law.distribution
    return law if hasattr(law, "bijector") and hasattr(law, "distribution") else None


def _read_at(reader: DistraxModel) -> Parts:
    """Return the parts of a model, compiled where it is one of jax."""
    if isinstance(reader.arrays, JaxArrays):
        return _compiled(reader, of_one_row=False)
    return Parts.of(reader, dim=reader.dim)


def read_distrax(model: Any, context: np.ndarray | None) -> Parts:
    """Return the parts of a distrax or tfp model."""
    if context is not None:
        raise ValueError("context: expected none, for a distrax or tfp model takes none. Close over it when building.")
    return _read_at(DistraxModel("distrax" if comes_from(model, "distrax") else "tfp", arrays_of(model), model))
