"""What a model offers, before it is put together into a flow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from eulerot.flows.adapters.arrays import JaxArrays, NumpyArrays, TorchArrays

__all__ = ["LABELS", "Parts"]

# What users call these functions
LABELS = {
    "to_data": "forward (latents to data)",
    "to_base": "inverse (data to latents)",
    "log_prob": "log_prob",
    "sample": "sample",
    "log_det": "the log-determinant",
    "base_log_prob": "log_prob of the base",
    "base_sample": "sample of the base",
}


@dataclass(frozen=True)
class Parts:
    """What a model offers, as functions of rows in its own arrays; None where there is nothing.

    All of them are methods of small classes, or the user's own functions, so that a flow that keeps them can be
    pickled and copied wherever the model itself can.

    Attributes
    ----------
    library : str
        The library of the model, or the name of its class.
    arrays : NumpyArrays, TorchArrays or JaxArrays
        How the functions are called.
    to_data, to_base, log_prob : callable or None
        The maps from values of the base to data and back, and the log density of data; functions of rows.
    sample : callable or None
        The sampler: a function of a number, and of a seed if it takes one.
    log_det : callable or None
        ``log |det D to_data|`` at values of the base.
    base_log_prob, base_sample : callable or None
        The log density and the sampler of the base.
    dim : int or None
        The dimension, where the model tells it.
    deeper : callable or None
        A function that returns the parts for the base of the base, or None if the base is no flow itself.
    direction_assumed : bool
        Whether it was only assumed that ``forward`` of an object of one's own takes latents to data.
    note : str
        What else there is to say of the maps.
    reader : object or None
        What they are methods of, where that knows the library of the model.
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
    dim: int | None = None
    deeper: Callable[[], Parts | None] | None = None
    direction_assumed: bool = False
    note: str = ""
    reader: Any = None

    @classmethod
    def of(cls, reader: Any, **given: Any) -> Parts:
        """Return the parts that an object has as attributes of the same names."""
        functions = {name: getattr(reader, name, None) for name in (*LABELS, "deeper")}
        return cls(reader.library, reader.arrays, **{**functions, "reader": reader, **given})
