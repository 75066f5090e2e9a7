"""Hold the options of a fit, and check them on construction."""

from __future__ import annotations

import inspect
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from eulerot._types import FloatArray, Seed
from eulerot.checks import DOMAINS, checked_choice, checked_count, checked_file, checked_number, checked_rotation
from eulerot.rearrangement.rotations import plane_rotation

if TYPE_CHECKING:
    from mpi4py import MPI

__all__ = ["FitOptions", "shows_options"]

Function = TypeVar("Function", bound=Callable[..., object])


@dataclass(frozen=True, kw_only=True)
class FitOptions:
    """Hold the options of `eulerot.fit`.

    Parameters
    ----------
    domain : {"cube", "torus"}
        ``"cube"`` for standard normal latents; ``"torus"`` for flows on angles, whose latents are uniform.
    modes : int or None
        Modes kept an axis, ``K`` of equation (7). By default 24 in each plane in two and three dimensions and 14 in
        more; for one geodesic alone 18 in the plane and 8 in space. Of angles 16 for two, 4 for three and 8 in each
        plane of more.
    geodesics : int or None
        The most geodesics that are composed, each in axes of its own, and in more than two dimensions of disjoint
        planes; by default as many as held-out pairs gain from. 1 is one geodesic, of a box in two or three dimensions.
        Of two or three angles one by default, which is cut into as many as asked for; of more, sweeps of planes that
        two angles span.
    conditional : bool
        Whether planes whose stream functions depend on the other coordinates follow the geodesics, equation (28); in
        four dimensions and more. They preserve the source exactly and save more of the cost, but are *no* geodesics of
        the Euler equations: the map has no certificate and no tables.
    align : bool
        Whether to start from the best rotation, equation (13); on the torus from the best shift.
    axes : float, array_like of shape (3, 3) or None
        The angle in radians by which the first box is rotated in the latent plane, equation (3'), or for one geodesic
        in space its rotation `Q`; by default none, and for one geodesic alone the one in which coarse fits reach the
        lowest cost.
    regularisation : tuple of float or None
        The weights ``lam`` of equation (12) to go through, warm-started, in descending order, in units of the spread of
        the data. By default 1e-3 for each of several geodesics, and where they are refined together 1e-4 and 1e-5 in
        the plane, 1e-3 and 1e-4 in space; in more dimensions 3e-3, and together 1e-3 and 1e-4. For one geodesic alone
        1e-4 and 1e-5, the second alone where there are 16 pairs and more for each unknown, and 1e-3 in space, where
        less leaves a field that takes too many modes to follow.
    steps : int
        Runge-Kutta steps while fitting; each of several geodesics has an eighth as many, and more where its field is
        too fast for them. The delivered map chooses its own.
    max_iterations : int
        Iterations of the optimiser for each weight.
    held_out : float
        The share of the pairs that is kept for choosing the weight.
    tolerance : float
        The largest error of the delivered map, by its own estimate.
    seed : int
        Seed of the split; what `numpy.random.default_rng` takes.
    threads : int or None
        Threads; all processors by default, or one with `comm`. The result does not depend on it.
    progress : bool
        Whether to show a progress bar.
    checkpoint : path-like or None
        A file that keeps what the fit has computed, written atomically every second or so. After a crash, a kill or
        Ctrl-C the same call, with the same pairs and options, goes on from it; the result equals that of a fit that
        was never stopped, to the last bit. The file stays when the fit is done, and the same call then only reads it.
        In one dimension there is nothing to keep.
    comm : mpi4py.MPI.Intracomm or None
        The processes that fit together, each of which makes this same call. They share the work on the pairs, and every
        one returns the whole result, to the last bit that of one process. An error or Ctrl-C on one ends all alike; the
        first one writes the checkpoint. Each takes one thread by default.

    Raises
    ------
    ValueError
        For an option out of its range.

    See Also
    --------
    eulerot.fit : Fit a map to pairs.
    eulerot.rearrange : Fit a map to a flow, and return its twin.

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
    geodesics: int | None = None
    conditional: bool = False
    align: bool = True
    axes: float | Sequence[Sequence[float]] | None = None
    regularisation: tuple[float, ...] | None = None
    steps: int = 8
    max_iterations: int = 200
    held_out: float = 0.125
    tolerance: float = 1e-9
    seed: Seed = 0
    threads: int | None = None
    progress: bool = False
    checkpoint: str | os.PathLike[str] | None = None
    comm: MPI.Intracomm | None = None

    def __post_init__(self) -> None:
        checked_choice("domain", self.domain, DOMAINS)
        if not isinstance(self.conditional, (bool, np.bool_)):
            raise ValueError(f"conditional: expected True or False; got {self.conditional!r}.")
        share = checked_number("held_out", self.held_out, "a share between 0 and 1", lambda share: 0 < share < 1)
        tolerance = checked_number("tolerance", self.tolerance, "a positive number", lambda value: value > 0)
        values: dict[str, object] = {"held_out": share, "tolerance": tolerance}
        for name in ("steps", "max_iterations", "modes", "geodesics", "threads"):
            if name in ("steps", "max_iterations") or getattr(self, name) is not None:
                values[name] = checked_count(name, getattr(self, name))
        if self.regularisation is not None:
            values["regularisation"] = _checked_weights(self.regularisation)
        if self.axes is not None:
            values["axes"] = _checked_axes(self.axes)
        if self.checkpoint is not None:
            values["checkpoint"] = checked_file("checkpoint", self.checkpoint)
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @classmethod
    def named(cls, options: Mapping[str, object]) -> FitOptions:
        """Return the options of a call by name.

        Raises
        ------
        ValueError
            For an option out of its range, or for an old name.
        """
        for name in ("segments", "sweeps"):
            if name in options:
                raise ValueError(
                    f"{name}: expected the option geodesics, which has taken its place; got {name}={options[name]!r}. "
                    f"Pass geodesics={options[name]!r}."
                )
        return cls(**options)  # type: ignore[arg-type]

    def modes_in(self, dim: int) -> int:
        """Return how many modes an axis a geodesic keeps in `dim` dimensions."""
        if self.modes is not None:
            return self.modes
        if self.domain == "torus":
            return 4 if dim == 3 else 16
        return 8 if dim == 3 else 18

    def sweep_modes_in(self, dim: int) -> int:
        """Return how many modes an axis are kept in the planes of a sweep in `dim` dimensions."""
        return self.modes or (8 if self.domain == "torus" else 24 if dim <= 3 else 14)

    @property
    def rotation(self) -> FloatArray:
        """The rotation into the first box, if `axes` has it."""
        return np.array(self.axes) if isinstance(self.axes, Sequence) else plane_rotation(self.axes or 0.0)

    @property
    def shared(self) -> dict[str, object]:
        """The options on which the result depends, but for the seed: pairs count as it splits them.

        Processes that fit together have to agree on them, and so has a fit that goes on from a checkpoint.
        """
        own = ("threads", "progress", "checkpoint", "comm", "seed")
        return {option.name: getattr(self, option.name) for option in fields(self) if option.name not in own}

    @property
    def workers(self) -> int:
        """The number of threads to use."""
        return self.threads or (1 if self.comm is not None else os.cpu_count()) or 1


def shows_options(function: Function) -> Function:
    """Make `help` show the options of a function that passes ``**options`` on to `FitOptions`.

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
        function.__doc__ = inspect.cleandoc(function.__doc__).replace("{options}", described) + "\n"
    return function


def _checked_axes(value: float | Sequence[Sequence[float]]) -> float | tuple[tuple[float, ...], ...]:
    """Return an angle, or the rows of a rotation."""
    if np.ndim(value) == 0:
        return checked_number("axes", value, "an angle in radians, a rotation of space, or None", math.isfinite)
    return tuple(tuple(row) for row in checked_rotation("axes", value).tolist())


def _checked_weights(value: object) -> tuple[float, ...]:
    try:
        several = [value] if np.ndim(value) == 0 else list(value)  # type: ignore[arg-type, call-overload]
        weights = tuple(checked_number("regularisation", each, holds=lambda w: 0 <= w < math.inf) for each in several)
    except (TypeError, ValueError):
        weights = ()
    if not weights:
        raise ValueError(f"regularisation: expected finite weights of zero or more; got {value!r}.")
    return tuple(sorted(weights, reverse=True))
