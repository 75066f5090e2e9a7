"""The options of a fit, validated on construction."""

from __future__ import annotations

import inspect
import math
import os
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypeVar

import numpy as np

from eulerot._types import Seed

__all__ = ["FitOptions", "shows_options"]

Function = TypeVar("Function", bound=Callable[..., object])


@dataclass(frozen=True, kw_only=True)
class FitOptions:
    """The options of `eulerot.fit`.

    Parameters
    ----------
    domain : {"cube", "torus"}
        ``"cube"`` for standard normal latents; ``"torus"`` for flows on one or two angles, whose latents are
        uniform.
    modes : int or None
        Modes kept an axis, ``K`` of equation (7); by default 16 in the plane, 10 in space, and 6 for sweeps of planes.
    segments : int
        Geodesics that are composed; one with sweeps.
    sweeps : int or None
        The most sweeps of disjoint planes. By default the plane takes none, and more dimensions as many as held-out
        pairs gain from.
    align : bool
        Whether to start from the best rotation, equation (13); on the torus from the best shift.
    axes : float or None
        The angle in radians by which the box is turned in the latent space, equation (3'); by default the one that
        coarse fits prefer.
    regularisation : tuple of float or None
        The weights ``lam`` of equation (12) to go through, warm-started, in descending order, in units of the spread of
        the data. By default 1e-4 and 1e-5, and 1e-4 alone for sweeps.
    steps : int
        Runge-Kutta steps while fitting, shared by the geodesics; more where a field is too fast for them. The
        delivered map chooses its own.
    max_iterations : int
        Iterations of the optimiser for each weight.
    held_out : float
        The share of the pairs that is kept for choosing the weight.
    tolerance : float
        The largest error of the delivered map, by its own estimate.
    seed : int
        Seed of the split; what `numpy.random.default_rng` takes.
    threads : int or None
        Threads; all processors by default. The result does not depend on it.
    progress : bool
        Whether to show a progress bar.
    checkpoint : path-like or None
        A file that keeps what the fit has computed, written atomically every second or so. After a crash, a kill or
        Ctrl-C the same call, with the same pairs and options, goes on from it; the result equals that of a fit that
        was never stopped, to the last bit. The file stays when the fit is done, and the same call then only reads it.
        In one dimension there is nothing to keep.

    Raises
    ------
    ValueError
        For an option out of its range.

    Examples
    --------
    >>> FitOptions(regularisation=(1e-5, 1e-3)).regularisation
    (0.001, 1e-05)
    >>> FitOptions(modes=0)
    Traceback (most recent call last):
    ...
    ValueError: modes: expected a positive whole number; got 0.
    """

    domain: str = "cube"
    modes: int | None = None
    segments: int = 1
    sweeps: int | None = None
    align: bool = True
    axes: float | None = None
    regularisation: tuple[float, ...] | None = None
    steps: int = 8
    max_iterations: int = 200
    held_out: float = 0.125
    tolerance: float = 1e-9
    seed: Seed = 0
    threads: int | None = None
    progress: bool = False
    checkpoint: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        if self.domain not in ("cube", "torus"):
            raise ValueError(f"domain: expected 'cube' or 'torus'; got {self.domain!r}. Choose one of the two.")
        for name in ("segments", "steps", "max_iterations"):
            _check_count(name, getattr(self, name))
        for name in ("modes", "sweeps", "threads"):
            if getattr(self, name) is not None:
                _check_count(name, getattr(self, name))
        if self.regularisation is not None:
            object.__setattr__(self, "regularisation", _checked_weights(self.regularisation))
        if self.axes is not None and not (_is_number(self.axes) and math.isfinite(self.axes)):
            raise ValueError(f"axes: expected an angle in radians, or None; got {self.axes!r}.")
        if not (_is_number(self.held_out) and 0 < self.held_out < 1):
            raise ValueError(f"held_out: expected a share between 0 and 1; got {self.held_out!r}.")
        if not (_is_number(self.tolerance) and self.tolerance > 0):
            raise ValueError(f"tolerance: expected a positive number; got {self.tolerance!r}.")
        if self.checkpoint is not None:
            object.__setattr__(self, "checkpoint", _checked_file("checkpoint", self.checkpoint))

    def modes_in(self, dim: int) -> int:
        """Return the modes kept an axis by a geodesic in `dim` dimensions."""
        return self.modes or (16 if dim == 2 else 10)

    @property
    def sweep_modes(self) -> int:
        """The modes kept an axis in the planes of a sweep."""
        return self.modes or 6

    @property
    def workers(self) -> int:
        """The number of threads to use."""
        return self.threads or os.cpu_count() or 1


def shows_options(function: Function) -> Function:
    """Let `help` show the options of a function that passes ``**options`` on to `FitOptions`.

    The signature names them with their defaults, and ``{options}`` in the docstring becomes their descriptions.

    Examples
    --------
    >>> @shows_options
    ... def fit(z, **options): ...
    >>> inspect.signature(fit).parameters["modes"]
    <Parameter "modes: 'int | None' = None">
    """
    signature = inspect.signature(function)
    own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    named = {parameter.name for parameter in own}
    options = [
        inspect.Parameter(option.name, inspect.Parameter.KEYWORD_ONLY, default=option.default, annotation=option.type)
        for option in fields(FitOptions)
        if option.name not in named
    ]
    function.__signature__ = signature.replace(parameters=own + options)  # type: ignore[attr-defined]
    if function.__doc__ and FitOptions.__doc__:
        described = inspect.cleandoc(FitOptions.__doc__).split("----------\n")[1].partition("\n\nRaises")[0]
        function.__doc__ = inspect.cleandoc(function.__doc__).replace("{options}", described)
    return function


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _checked_weights(value: object) -> tuple[float, ...]:
    try:
        weights = tuple(np.atleast_1d(np.asarray(value, dtype=float)).tolist())
    except (TypeError, ValueError):
        weights = ()
    if not weights or not all(math.isfinite(w) and w >= 0 for w in weights):
        raise ValueError(f"regularisation: expected finite weights of zero or more; got {value!r}.")
    return tuple(sorted(weights, reverse=True))


def _checked_file(name: str, value: object) -> Path:
    try:
        path = Path(value)  # type: ignore[arg-type]
    except TypeError:
        raise ValueError(f"{name}: expected the path of a file, or None; got {value!r}.") from None
    if "\0" in str(path) or os.path.isdir(path) or not os.path.isdir(path.absolute().parent):
        raise ValueError(f"{name}: expected a file in a folder that exists; got {str(path)!r}. Make its folder first.")
    return path


def _check_count(name: str, value: object) -> None:
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name}: expected a positive whole number; got {value!r}.")
