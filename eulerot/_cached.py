"""Attributes that are computed on first use and kept, on objects that threads share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, Generic, TypeVar, overload

__all__ = ["kept", "state_of"]

T = TypeVar("T")


class kept(Generic[T]):
    """Turn a method into an attribute that is computed when it is first asked for, and then kept.

    Unlike `functools.cached_property` it behaves alike in every version of Python and takes no lock: the one of Python
    3.11 is shared by all objects of a class, which makes threads wait for each other, and stays locked in a process
    that is forked meanwhile. Threads that ask at the same time may all compute the value, which must not depend on
    which does, and all get the one that was kept first.

    Examples
    --------
    >>> class Circle:
    ...     radius = 2.0
    ...     @kept
    ...     def area(self) -> float:
    ...         print("computed")
    ...         return 3.0 * self.radius**2
    >>> circle = Circle()
    >>> circle.area, circle.area
    computed
    (12.0, 12.0)
    """

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> kept[T]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> kept[T] | T:
        """Compute the value, and put it where it is found before this method from now on."""
        if instance is None:
            return self
        return instance.__dict__.setdefault(self._name, self._compute(instance))


def state_of(instance: Any) -> dict[str, Any]:
    """Return what a copy of a dataclass needs, for its ``__getstate__``: the fields, and nothing that is only kept."""
    return {each.name: instance.__dict__[each.name] for each in fields(instance) if each.name in instance.__dict__}
