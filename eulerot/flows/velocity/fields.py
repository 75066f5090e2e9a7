"""Velocities as users write them, called alike: ``v(t, x)`` or ``v(x, t)``, in torch, jax or NumPy, of rows or not."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from eulerot._types import FloatArray
from eulerot.errors import FlowError
from eulerot.flows.adapters.arrays import JaxArrays, NumpyArrays, TorchArrays, arrays_of
from eulerot.flows.adapters.jax_models import Compiled
from eulerot.flows.adapters.state import comes_from

__all__ = ["ORDERS", "Field", "read_field"]

# The order of the arguments of a velocity
ORDERS = ("tx", "xt")
_TIMES, _STATES = {"t", "time", "times", "timestep", "timesteps"}, {"x", "y", "z", "xt", "x_t", "state", "inputs"}
# The shapes of the time that are tried: a number, one number a row, a column of them; and, in jax, single vectors
_FORMS = ("number", "vector", "column", "single")
_STEP = 1e-3  # of the differences in the divergence of a NumPy function, of fourth order


@dataclass(frozen=True)
class Field:
    """A velocity as a function of rows ``(x, t)``, its last column the time, the same in all of them.

    Attributes
    ----------
    function : callable
        The velocity.
    arrays : NumpyArrays, TorchArrays or JaxArrays
        How it is called.
    order : {"tx", "xt"}
        The order of its arguments.
    form : str
        The shape of its time: a number, a vector or a column; or ``"single"`` for a function of one vector.
    """

    function: Callable[..., Any]
    arrays: NumpyArrays | TorchArrays | JaxArrays
    order: str
    form: str

    def velocity(self, t: float, x: FloatArray) -> FloatArray:
        """Return the velocity at rows, shape ``(n, d)``."""
        return self._called(self._compiled(self.of_rows), t, x)

    def with_divergence(self, t: float, x: FloatArray) -> FloatArray:
        """Return the velocity at rows and its divergence, shape ``(n, d + 1)``.

        By automatic differentiation, one derivative a dimension; by differences of fourth order for NumPy functions.
        """
        if isinstance(self.arrays, TorchArrays):
            return self._called(self._traced_by_torch, t, x)
        if isinstance(self.arrays, JaxArrays):
            return self._called(self._compiled(self._traced_by_jax), t, x)
        divergence = np.zeros(len(x))
        for axis, shift in enumerate(_STEP * np.eye(x.shape[1])):
            near, far = (self.velocity(t, x + k * shift) - self.velocity(t, x - k * shift) for k in (1, 2))
            divergence += (8 * near - far)[:, axis] / (12 * _STEP)
        return np.column_stack([self.velocity(t, x), divergence])

    def _called(self, function: Callable[..., Any], t: float, x: FloatArray) -> FloatArray:
        values = self.arrays.call(function, np.column_stack([x, np.full(len(x), t)])).astype(float)
        if not np.isfinite(values).all():
            bad = ~np.isfinite(values).all(axis=1)
            raise FlowError(
                f"velocity_flow: expected finite velocities; got NaN or infinity for {bad.sum()} of {len(x)} rows at "
                f"time {t:g}, the first x = {x[int(np.argmax(bad))]}. Bound the model, or train it further."
            )
        return values

    def _compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that jax compiles once for each number of rows."""
        if not isinstance(self.arrays, JaxArrays):
            return function
        kept = self.__dict__.setdefault("_kept", {})
        return kept.setdefault(function.__name__, Compiled(function, of_one_row=False))

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_kept"}

    def of_rows(self, rows: Any) -> Any:
        """Return the velocity at rows ``(x, t)``, in the arrays of the model."""
        t, x = rows[0, -1], rows[:, :-1]
        if self.form == "single":
            jax = importlib.import_module("jax")
            return jax.vmap(partial(self._ordered, t))(x)
        times = {"number": t, "vector": rows[:, -1], "column": rows[:, -1:]}
        return self._ordered(times[self.form], x)

    def _ordered(self, t: Any, x: Any) -> Any:
        return self.function(t, x) if self.order == "tx" else self.function(x, t)

    def _traced_by_torch(self, rows: Any) -> Any:
        torch = importlib.import_module("torch")
        with torch.enable_grad():
            x, t = rows[:, :-1].detach().requires_grad_(), rows[:, -1:]
            velocity = self.of_rows(torch.cat([x, t], dim=1))
            divergence = torch.zeros_like(velocity[:, 0])
            if velocity.requires_grad:
                for axis in range(x.shape[1]):
                    (slope,) = torch.autograd.grad(velocity[:, axis].sum(), x, retain_graph=True, allow_unused=True)
                    divergence = divergence if slope is None else divergence + slope[:, axis]
        return torch.cat([velocity, divergence[:, None]], dim=1)

    def _traced_by_jax(self, rows: Any) -> Any:
        jax, jnp = importlib.import_module("jax"), importlib.import_module("jax.numpy")

        def of_one(x: Any, t: Any) -> Any:
            return self.of_rows(jnp.append(x, t)[None])[0]

        divergence = jax.vmap(lambda row: jnp.trace(jax.jacfwd(of_one)(row[:-1], row[-1])))(rows)
        return jnp.column_stack([self.of_rows(rows), divergence])


def read_field(v: Any, dim: int, order: str | None) -> Field:
    """Return a velocity of any library, the form of its time found by trying.

    Raises
    ------
    FlowError
        If no form gives velocities of the shape of positions; the error of the last one is the cause.
    """
    arrays = _arrays_of(v)
    order = _order_of(v) if order is None else order
    n = 5 if dim != 5 else 6
    rows = np.column_stack([np.random.default_rng(0).standard_normal((n, dim)), np.full(n, 0.5)])
    said, cause = "", None
    for form in _FORMS if isinstance(arrays, JaxArrays) else _FORMS[:-1]:
        field = Field(v, arrays, order, form)
        try:
            found = arrays.call(field.of_rows, rows)
        except FlowError:
            raise
        except Exception as error:
            said, cause = f"it raised {type(error).__name__}: {error}"[:300], error
            continue
        if found.shape == (n, dim):
            is_single = found.dtype == np.float32 and arrays.dtype == np.float64  # of a library that is not seen
            return replace(field, arrays=replace(arrays, dtype=found.dtype)) if is_single else field
        said = f"it returned shape {found.shape}"
    raise FlowError(
        f"velocity_flow: expected v(t, x) of shape ({n}, {dim}) for x of that shape and t a number or one number a "
        f"row; {said}. Wrap the model: velocity_flow(lambda t, x: model(...), dim={dim}), or say order='xt'."
    ) from cause


def _order_of(v: Any) -> str:
    """Return the order of the arguments by their names; time comes first where they say nothing."""
    try:
        names = [name.lower() for name in inspect.signature(getattr(v, "forward", v)).parameters][:2]
    except (TypeError, ValueError):
        return "tx"
    return "xt" if len(names) == 2 and names[0] in _STATES and names[1] in _TIMES else "tx"


def _arrays_of(v: Any) -> NumpyArrays | TorchArrays | JaxArrays:
    """Return how a velocity is called: a model by itself, a function by the models and modules that it refers to."""
    owner = getattr(v, "__self__", None)
    if owner is not None and not isinstance(owner, ModuleType):
        return arrays_of(owner)
    if not inspect.isfunction(v) and not isinstance(v, partial):
        return arrays_of(v)
    held = _referred_to(v.func if isinstance(v, partial) else v)
    held += [*v.args, *v.keywords.values()] if isinstance(v, partial) else []
    libraries = {each.__name__.split(".")[0] for each in held if isinstance(each, ModuleType)}
    models = tuple(each for each in held if not isinstance(each, ModuleType))
    if "torch" in libraries or any(comes_from(each, "torch") for each in models):
        return TorchArrays.of(models)
    if "jax" in libraries or any(comes_from(each, "equinox") for each in models):
        return JaxArrays.of(models)
    return NumpyArrays(np.dtype(np.float64))


def _referred_to(function: Any, seen: tuple[Any, ...] = ()) -> list[Any]:
    """Return what a function, and the functions that it calls, refer to by the names outside of them."""
    if not inspect.isfunction(function) or function in seen:
        return [function]
    found = inspect.getclosurevars(function)
    outside = [*found.nonlocals.values(), *found.globals.values()]
    return [part for each in outside for part in _referred_to(each, (*seen, function))]
