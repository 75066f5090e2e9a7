"""What a model holds, remembered before it is called so that it can be put back as it was."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from types import MethodType
from typing import Any

import numpy as np

__all__ = ["State", "comes_from", "held_by"]


def comes_from(thing: object, library: str) -> bool:
    """Return whether the class of an object, or one that it derives from, is defined in a library.

    Examples
    --------
    >>> comes_from(np.float64(0.0), "numpy")
    True
    """
    return any((kind.__module__ or "").split(".")[0] == library for kind in type(thing).__mro__)


def held_by(*things: object) -> Iterator[tuple[str, Any]]:
    """Yield all that objects hold, each thing once, with a name like ``net.layers[0].weight``.

    Objects with attributes, containers, and the owners of methods are looked into; objects of the standard library,
    such as loggers and locks, are not.

    Examples
    --------
    >>> class Scale:
    ...     def __init__(self): self.factors = {"x": np.ones(2)}
    >>> [name for name, _ in held_by(Scale())]
    ['', 'factors', "factors['x']"]
    """
    seen: set[int] = set()
    stack: list[tuple[str, Any]] = [("", thing) for thing in reversed(things)]
    while stack:
        name, thing = stack.pop()
        if id(thing) in seen or thing is None or isinstance(thing, str | bytes | int | float | complex | type):
            continue
        seen.add(id(thing))
        yield name, thing
        stack.extend(reversed(list(_parts(name, thing))))


def _parts(name: str, thing: Any) -> Iterator[tuple[str, Any]]:
    """Yield the parts of an object, one level deep."""
    if isinstance(thing, dict):
        yield from ((f"{name}[{key!r}]", value) for key, value in thing.items())
    elif isinstance(thing, list | tuple):
        yield from ((f"{name}[{i}]", value) for i, value in enumerate(thing))
    elif isinstance(thing, MethodType):
        yield name, thing.__self__
    elif isinstance(thing, partial):
        yield from ((name, part) for part in (thing.func, *thing.args, *thing.keywords.values()))
    elif _has_attributes(thing):
        for key, value in vars(thing).items():
            if key in ("_modules", "_parameters", "_buffers") and isinstance(value, dict):  # as torch names them
                yield from ((f"{name}.{key}".lstrip("."), value) for key, value in value.items())
            else:
                yield f"{name}.{key}".lstrip("."), value


def _has_attributes(thing: Any) -> bool:
    """Return whether an object may keep values in its attributes; tensors, functions and modules do not count."""
    library = type(thing).__module__.split(".")[0]
    return hasattr(thing, "__dict__") and library not in sys.stdlib_module_names and not _is_tensor(thing)


def _is_tensor(thing: Any) -> bool:
    return "torch" in sys.modules and isinstance(thing, sys.modules["torch"].Tensor)


@dataclass(frozen=True)
class _Tensor:
    """A torch tensor, its storage, and its values and flags at a time."""

    tensor: Any
    storage: Any
    values: Any
    flags: tuple[bool, Any]

    @classmethod
    def of(cls, tensor: Any) -> _Tensor:
        storage = tensor.detach()
        return cls(tensor, storage, storage.clone(), (tensor.requires_grad, tensor.grad if tensor.is_leaf else None))

    def has_changed(self) -> bool:
        now = self.tensor.detach()
        if now.shape != self.values.shape or now.dtype != self.values.dtype or now.device != self.values.device:
            return True
        same = (now == self.values) | ((now != now) & (self.values != self.values))  # also where neither is a number
        return not bool(same.all())

    def restore(self) -> None:
        if self.tensor.data_ptr() != self.storage.data_ptr() or self.tensor.shape != self.storage.shape:
            self.tensor.data = self.storage
        if self.has_changed():
            self.storage.copy_(self.values)
        if self.tensor.is_leaf:
            requires_grad, grad = self.flags
            if self.tensor.requires_grad != requires_grad:
                self.tensor.requires_grad_(requires_grad)
            if self.tensor.grad is not grad:
                self.tensor.grad = grad


class State:
    """The attributes, containers, tensors and arrays of models, remembered so that they can be put back.

    Examples
    --------
    >>> class Counted:
    ...     def __init__(self): self.calls, self.scale = 0, np.ones(2)
    ...     def forward(self, z): self.calls, self.scale = self.calls + 1, z.std(axis=0)
    >>> model = Counted()
    >>> state = State(model)
    >>> model.forward(np.zeros((3, 2)))
    >>> state.changes()
    ['calls', 'scale']
    >>> state.restore()
    >>> model.calls, model.scale
    (0, array([1., 1.]))
    """

    def __init__(self, *models: object) -> None:
        self._mappings: list[tuple[str, dict[Any, Any], dict[Any, Any]]] = []
        self._lists: list[tuple[str, list[Any], list[Any]]] = []
        self._arrays: list[tuple[str, np.ndarray, np.ndarray]] = []
        self._tensors: list[tuple[str, _Tensor]] = []
        for name, thing in held_by(*models):
            if isinstance(thing, dict):
                self._mappings.append((name, thing, dict(thing)))
            elif isinstance(thing, list):
                self._lists.append((name, thing, list(thing)))
            elif isinstance(thing, np.ndarray):
                self._arrays.append((name, thing, thing.copy()))
            elif _is_tensor(thing):
                if thing.layout is sys.modules["torch"].strided and thing.device.type != "meta":
                    self._tensors.append((name, _Tensor.of(thing)))
            elif _has_attributes(thing):
                self._mappings.append((name, vars(thing), dict(vars(thing))))
                for key in ("_modules", "_parameters", "_buffers"):
                    if isinstance(vars(thing).get(key), dict):
                        self._mappings.append((name, vars(thing)[key], dict(vars(thing)[key])))

    def changes(self) -> list[str]:
        """Return the names of what is no longer as it was."""
        found = []
        for name, now, before in self._mappings:
            found += [f"{name}.{key}".lstrip(".") for key in {**before, **now} if _differs(before, now, key)]
        found += [name for name, now, before in self._lists if not _same_items(now, before)]
        found += [name for name, now, before in self._arrays if not _same_values(now, before)]
        found += [name for name, tensor in self._tensors if tensor.has_changed()]
        return list(dict.fromkeys(found))

    def restore(self) -> None:
        """Put everything back, the same objects with the same values."""
        for _, mapping, saved in self._mappings:
            if len(mapping) != len(saved) or any(_differs(saved, mapping, key) for key in saved):
                mapping.clear()
                mapping.update(saved)
        for _, items, kept in self._lists:
            if not _same_items(items, kept):
                items[:] = kept
        for _, array, values in self._arrays:
            if not _same_values(array, values):
                array[...] = values
        for _, tensor in self._tensors:
            tensor.restore()


_MISSING = object()


def _differs(before: dict[Any, Any], now: dict[Any, Any], key: Any) -> bool:
    """Return whether a key holds another object than before; equal numbers and texts count as the same."""
    old, new = before.get(key, _MISSING), now.get(key, _MISSING)
    plain = isinstance(old, bool | int | float | str) and type(old) is type(new)
    return old is not new and not (plain and old == new)


def _same_items(now: list[Any], before: list[Any]) -> bool:
    return len(now) == len(before) and all(a is b for a, b in zip(now, before, strict=True))


def _same_values(now: np.ndarray, before: np.ndarray) -> bool:
    return now.tobytes() == before.tobytes()
