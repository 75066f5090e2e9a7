"""NumPy in, NumPy out: how the functions of a model of another array library are called.

No array library is imported until a model of it is at hand.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from eulerot._types import FloatArray

__all__ = ["JaxArrays", "NumpyArrays", "TorchArrays", "arrays_of", "comes_from"]

# Where distributions and transforms of the libraries keep their parts
_PARTS = ("transforms", "transform", "parts", "base_transform", "base_dist", "base", "_inv")


def comes_from(thing: object, library: str) -> bool:
    """Return whether the class of an object, or one that it derives from, is defined in a library.

    Examples
    --------
    >>> comes_from(np.float64(0.0), "numpy")
    True
    """
    return any((kind.__module__ or "").split(".")[0] == library for kind in type(thing).__mro__)


def arrays_of(model: object) -> NumpyArrays | TorchArrays | JaxArrays:
    """Return how the functions of a model are to be called: torch for torch models, NumPy for what is not known."""
    if comes_from(model, "torch"):
        return TorchArrays.of(model)
    if any(comes_from(model, library) for library in ("equinox", "distrax")) or "jax" in type(model).__module__:
        return JaxArrays.of(model)
    dtype = getattr(model, "dtype", np.float64)
    return NumpyArrays(np.dtype(getattr(dtype, "as_numpy_dtype", dtype)))


def _first(value: Any) -> Any:
    """Return the array of a result that may be ``(array, log_det)``."""
    return value[0] if isinstance(value, tuple | list) else value


@dataclass(frozen=True)
class NumpyArrays:
    """Functions of NumPy arrays, or of what takes them."""

    dtype: np.dtype

    def call(self, function: Callable[..., Any], *arguments: Any) -> FloatArray | np.ndarray:
        """Return ``function(*arguments)``, its arrays in the dtype of the model, in the dtype that comes back."""
        return np.asarray(_first(function(*[self.native(a) if isinstance(a, np.ndarray) else a for a in arguments])))

    def native(self, array: np.ndarray) -> Any:
        """Return an array as the model takes it."""
        return array.astype(self.dtype, copy=True)


@dataclass(frozen=True)
class JaxArrays(NumpyArrays):
    """Functions of jax arrays, compiled; rows are padded to a power of two, for each size is compiled anew."""

    @classmethod
    def of(cls, model: object) -> JaxArrays:
        """Return how to call a model, in the precision of its parameters."""
        jax = importlib.import_module("jax")
        kinds = {str(leaf.dtype) for leaf in jax.tree_util.tree_leaves(model) if hasattr(leaf, "dtype")}
        kinds.add(str(getattr(model, "dtype", "")))
        double = "float64" in kinds or ("float32" not in kinds and jax.config.jax_enable_x64)
        return cls(np.dtype(np.float64 if double else np.float32))

    def call(self, function: Callable[..., Any], *arguments: Any) -> np.ndarray:
        """Return ``function(*arguments)``, whose only array, if there is one, holds rows."""
        if not (arguments and isinstance(arguments[0], np.ndarray)):
            return super().call(function, *arguments)
        n = len(arguments[0])
        padding = np.repeat(arguments[0][-1:], (1 << (n - 1).bit_length()) - n, axis=0)
        return super().call(function, np.concatenate([arguments[0], padding]))[:n]


@dataclass(frozen=True)
class TorchArrays:
    """Functions of torch tensors: in evaluation mode, without gradients, the user's random state left alone.

    Attributes
    ----------
    modules : tuple
        The modules that are put in evaluation mode during a call and back afterwards.
    dtype, device
        Those of the parameters, or of samples of the base where there are none.
    """

    modules: tuple[Any, ...]
    dtype: Any
    device: Any

    @classmethod
    def of(cls, model: object) -> TorchArrays:
        """Return how to call a model."""
        torch = importlib.import_module("torch")
        modules = tuple(_modules(model, torch.nn.Module))
        with cls(modules, None, torch.device("cpu")).session():
            like = _example(model, modules)
        if like is None:
            return cls(modules, torch.float64, torch.device("cpu"))
        return cls(modules, like.dtype, like.device)

    def call(self, function: Callable[..., Any], *arguments: Any) -> np.ndarray:
        """Return ``function(*arguments)``, arrays as fresh tensors, as a NumPy array of its own dtype."""
        with self.session():
            result = _first(function(*[self.native(a) if isinstance(a, np.ndarray) else a for a in arguments]))
            return result.detach().cpu().numpy().copy() if hasattr(result, "detach") else np.asarray(result)

    def native(self, array: np.ndarray) -> Any:
        """Return an array as a tensor; a fresh one each time, so that no cache of the model knows it."""
        torch = importlib.import_module("torch")
        return torch.as_tensor(np.array(array, dtype=float), dtype=self.dtype, device=self.device)

    @contextmanager
    def session(self) -> Iterator[None]:
        """Return the context of a call."""
        torch = importlib.import_module("torch")
        training = [module for module in self.modules if module.training]
        devices = [self.device] if self.device.type == "cuda" else []
        try:
            for module in training:
                module.training = False
            with torch.no_grad(), torch.random.fork_rng(devices=devices):
                yield
        finally:
            for module in training:
                module.training = True


def _modules(thing: Any, kind: type, seen: frozenset[int] = frozenset()) -> Iterator[Any]:
    """Yield the modules in a model, a distribution or a transform; a transform and its inverse hold each other."""
    if id(thing) in seen:
        return
    seen = seen | {id(thing)}
    if isinstance(thing, kind):
        yield from thing.modules()  # type: ignore[attr-defined]
    elif isinstance(thing, list | tuple):
        for part in thing:
            yield from _modules(part, kind, seen)
    elif comes_from(thing, "torch") or comes_from(thing, "pyro"):
        for name in _PARTS:
            yield from _modules(getattr(thing, "__dict__", {}).get(name), kind, seen)


def _example(model: Any, modules: tuple[Any, ...]) -> Any:
    """Return a tensor that has the dtype and the device of a model."""
    for module in modules:
        for tensor in (*module.parameters(recurse=False), *module.buffers(recurse=False)):
            if tensor.is_floating_point():
                return tensor
    base = getattr(model, "base", getattr(model, "base_dist", model))
    return base.sample((1,)) if comes_from(base, "torch") and hasattr(base, "log_prob") else None
