"""What a model offers, before it is put together into a flow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from eulerot.flows.adapters.arrays import JaxArrays, NumpyArrays, TorchArrays

__all__ = ["Parts"]


@dataclass(frozen=True)
class Parts:
    """What a model offers, as functions of rows in its own arrays; None where there is nothing.

    Attributes
    ----------
    library : str
        Whose model it is.
    arrays
        How the functions are called.
    to_data, to_base, log_prob : callable or None
        Of rows.
    sample : callable or None
        Of a number and a seed.
    log_det : callable or None
        ``log |det D to_data|`` at values of the base.
    base_log_prob, base_sample : callable or None
        Of the base, like those of the model.
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
