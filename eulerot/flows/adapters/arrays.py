"""NumPy in, NumPy out: how the functions of a model of another array library are called.

No array library is imported until a model of it is at hand.
"""

from __future__ import annotations

import importlib
import inspect
import random
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from eulerot._types import FloatArray
from eulerot.errors import FlowError
from eulerot.flows.adapters.state import State, comes_from, held_by

__all__ = ["JaxArrays", "NumpyArrays", "TorchArrays", "arrays_of"]

# Training modes and random states belong to the process: one call at a time changes them and puts them back
_ONE_AT_A_TIME = threading.RLock()
HALF = "float16", "bfloat16"
FEWEST_ROWS = 128  # in a call of a compiled function


def arrays_of(model: object) -> NumpyArrays | TorchArrays | JaxArrays:
    """Return how the functions of a model are to be called: torch for torch models, NumPy for what is not known."""
    if comes_from(model, "torch"):
        return TorchArrays.of(model)
    if any(comes_from(model, library) for library in ("equinox", "distrax")) or "jax" in type(model).__module__:
        return JaxArrays.of(model)
    if "torch" in sys.modules and any(isinstance(part, sys.modules["torch"].nn.Module) for _, part in held_by(model)):
        return TorchArrays.of(model, numpy_first=True)
    dtype = getattr(model, "dtype", np.float64)
    try:
        return NumpyArrays(np.dtype(getattr(dtype, "as_numpy_dtype", dtype)))
    except TypeError:  # an attribute of that name that is no dtype
        return NumpyArrays(np.dtype(np.float64))


def _first(value: Any) -> Any:
    """Return the array of a result that may be ``(array, log_det)``."""
    return value[0] if isinstance(value, tuple | list) else value


def _refuse_half(dtype: object) -> None:
    """Raise `FlowError` for a dtype of half precision."""
    if any(str(dtype).endswith(name) for name in HALF):
        raise FlowError(
            f"flow: expected a model in single or double precision; got {str(dtype).removeprefix('torch.')}, whose "
            "rounding is too coarse for a map that is to be inverted. Convert the model, by model.float() for example."
        )


@dataclass(frozen=True)
class NumpyArrays:
    """Functions of NumPy arrays, or of what takes them.

    Attributes
    ----------
    dtype : numpy.dtype
        The dtype in which arrays are given to the model.
    restored : tuple
        Models that change in some way at each call, a counter or a cache of theirs, and are put back after each.
    """

    dtype: np.dtype
    restored: tuple[Any, ...] = ()

    @property
    def rounding_unit(self) -> float:
        """The rounding unit of the dtype."""
        return float(np.finfo(np.float32 if "32" in str(self.dtype) else np.float64).eps)

    def call(self, function: Callable[..., Any], *arguments: Any) -> FloatArray | np.ndarray:
        """Return ``function(*arguments)``, its arrays in the dtype of the model, in the dtype that comes back."""
        with self.session():
            result = _first(function(*[self.native(a) if isinstance(a, np.ndarray) else a for a in arguments]))
            return self.as_numpy(result)

    def draw(self, sample: Callable[..., Any], n: int, seed: int) -> np.ndarray:
        """Return `n` samples of a function of a number, and of a seed if it takes one; random states are put back."""
        with self.session():
            self.seed_global(seed)
            return self.call(partial(sample, seed=seed) if _takes_seed(sample) else sample, n)

    def native(self, array: np.ndarray) -> Any:
        """Return an array as the model takes it."""
        return array.astype(self.dtype, copy=True)

    def as_numpy(self, result: Any) -> np.ndarray:
        """Return a result as a NumPy array of its own dtype."""
        return np.array(result)

    def seed_global(self, seed: int) -> None:
        """Seed the random generators that belong to the process."""
        np.random.seed(seed)  # noqa: NPY002 (a sampler of one's own may use the global generator)
        random.seed(seed)

    @contextmanager
    def session(self) -> Iterator[None]:
        """Return the context of a call, after which random states and models are what they were before."""
        with _ONE_AT_A_TIME:
            numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002
            state = State(*self.restored)
            try:
                yield
            finally:
                state.restore()
                np.random.set_state(numpy_state)  # noqa: NPY002
                random.setstate(python_state)


def _takes_seed(sample: Callable[..., Any]) -> bool:
    """Return whether a sampler has an argument named seed."""
    try:
        return "seed" in inspect.signature(sample).parameters
    except (TypeError, ValueError):
        return False


@dataclass(frozen=True)
class JaxArrays(NumpyArrays):
    """Functions of jax arrays, compiled; rows are padded to a power of two, since each size is compiled anew."""

    @classmethod
    def of(cls, model: object) -> JaxArrays:
        """Return how to call a model, in the precision of its parameters."""
        jax = importlib.import_module("jax")
        kinds = {str(leaf.dtype) for leaf in jax.tree_util.tree_leaves(model) if hasattr(leaf, "dtype")}
        kinds.add(str(getattr(model, "dtype", "")))
        for kind in kinds:
            _refuse_half(kind)
        double = "float64" in kinds or ("float32" not in kinds and jax.config.jax_enable_x64)
        return cls(np.dtype(np.float64 if double else np.float32))

    def call(self, function: Callable[..., Any], *arguments: Any) -> np.ndarray:
        """Return ``function(*arguments)``, whose only array, if there is one, holds rows."""
        if not (arguments and isinstance(arguments[0], np.ndarray)):
            return super().call(function, *arguments)
        n = len(arguments[0])
        padding = np.repeat(arguments[0][-1:], max(FEWEST_ROWS, 1 << (n - 1).bit_length()) - n, axis=0)
        return super().call(function, np.concatenate([arguments[0], padding]))[:n]


@dataclass(frozen=True)
class TorchArrays(NumpyArrays):
    """Functions of torch tensors: in evaluation mode, without gradients, the user's random state left alone.

    Attributes
    ----------
    dtype : torch.dtype
        The dtype of the parameters, or of samples of the base where there are none.
    device : torch.device
        Their device.
    modules : tuple
        The modules that are put in evaluation mode during a call and back afterwards.
    numpy_first : bool
        Whether functions get NumPy arrays and, where they refuse those, tensors: for objects of one's own that hold
        modules.
    """

    dtype: Any
    device: Any = None
    modules: tuple[Any, ...] = ()
    numpy_first: bool = False

    @classmethod
    def of(cls, model: object, *, numpy_first: bool = False) -> TorchArrays:
        """Return how to call a model."""
        torch = importlib.import_module("torch")
        modules = tuple(part for _, part in held_by(model) if isinstance(part, torch.nn.Module))
        draft = cls(torch.float64, (), torch.device("cpu"), modules, numpy_first)
        with draft.session():
            like = _example(model, modules)
        if like is None:
            return draft
        _refuse_half(like.dtype)
        return cls(like.dtype, (), like.device, modules, numpy_first)

    def call(self, function: Callable[..., Any], *arguments: Any) -> np.ndarray:
        """Return ``function(*arguments)``, arrays as fresh tensors, as a NumPy array of its own dtype."""
        if self.numpy_first:
            try:
                with self.session():
                    copies = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
                    return self.as_numpy(_first(function(*copies)))
            except (TypeError, AttributeError):
                pass  # what torch and tensors' methods raise for NumPy arrays; if it is another error, it comes again
        return super().call(function, *arguments)

    def native(self, array: np.ndarray) -> Any:
        """Return an array as a tensor; a fresh one each time, so that no cache of the model knows it."""
        torch = importlib.import_module("torch")
        return torch.as_tensor(np.array(array, dtype=float), dtype=self.dtype, device=self.device)

    def as_numpy(self, result: Any) -> np.ndarray:
        """Return a result as a NumPy array of its own dtype."""
        if not hasattr(result, "detach"):
            return np.array(result)
        _refuse_half(result.dtype)
        return result.detach().cpu().numpy().copy()

    def seed_global(self, seed: int) -> None:
        """Seed the random generators that belong to the process."""
        super().seed_global(seed)
        importlib.import_module("torch").manual_seed(seed)

    @contextmanager
    def session(self) -> Iterator[None]:
        """Return the context of a call, after which modes and random states are what they were before."""
        torch = importlib.import_module("torch")
        with super().session():
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


def _example(model: Any, modules: tuple[Any, ...]) -> Any:
    """Return a tensor that has the dtype and the device of a model."""
    for module in modules:
        for tensor in (*module.parameters(recurse=False), *module.buffers(recurse=False)):
            if tensor.is_floating_point():
                return tensor
    base = getattr(model, "base", getattr(model, "base_dist", model))
    return base.sample((1,)) if comes_from(base, "torch") and hasattr(base, "event_shape") else None
