"""A model of any library as a flow of the standard normal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from eulerot._types import FloatArray, Seed
from eulerot.checks import checked_samples
from eulerot.flows.adapters.bases import NormalBase, UniformBase
from eulerot.latent.source import normal_points

__all__ = ["AdaptedFlow", "Map"]

Map = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class AdaptedFlow:
    """A model of any library as a flow of the standard normal; make one with `eulerot.flow`.

    Attributes
    ----------
    dim : int
        The dimension.
    library : str
        The library of the model, or the name of its class.
    map : str
        The maps that are used, and what was done about the base, in words.
    base : NormalBase or UniformBase
        The base of the model, which is standardised.
    precision : float
        The rounding unit of the model.
    numerical : str or None
        The map that is found numerically: ``"forward"``, ``"inverse"`` or none.
    to_data, to_base : callable
        The maps between values of the base and data.
    log_density : callable
        The log density of data.
    base_given : bool
        Whether the model has a base of its own; else the standard normal is assumed.
    model : object
        The model itself, or None for functions.
    reader : object
        What the functions are methods of, where that knows the library of the model; else None.
    """

    dim: int
    library: str
    map: str
    base: NormalBase | UniformBase
    precision: float
    numerical: str | None
    to_data: Map = field(repr=False)
    to_base: Map = field(repr=False)
    log_density: Map = field(repr=False)
    _sample: Callable[[int, int], FloatArray] | None = field(repr=False)
    base_given: bool = False
    model: object = field(default=None, repr=False)
    reader: Any = field(default=None, repr=False)

    def forward(self, z: ArrayLike) -> FloatArray:
        """Return the data of standard normal latents, shape ``(n, dim)``."""
        return self.to_data(self.base.from_normal(checked_samples("z", z, dim=self.dim)))

    def inverse(self, x: ArrayLike) -> FloatArray:
        """Return the standard normal latents of data, shape ``(n, dim)``."""
        return self.base.to_normal(self.to_base(checked_samples("x", x, dim=self.dim)))

    def log_prob(self, x: ArrayLike) -> FloatArray:
        """Return the log density of data, shape ``(n,)``."""
        return self.log_density(checked_samples("x", x, dim=self.dim))

    def sample(self, n: int, seed: Seed = None) -> FloatArray:
        """Return `n` samples, shape ``(n, dim)``; `seed` is what `numpy.random.default_rng` takes."""
        rng = np.random.default_rng(seed)
        if self.draws_data:
            return self.model_samples(n, int(rng.integers(2**31)))
        return self.forward(rng.standard_normal((n, self.dim)))

    def model_samples(self, n: int, seed: int = 0) -> FloatArray:
        """Return `n` samples by the model's own sampler, if it has one."""
        return self.sample(n, seed) if self._sample is None else self._sample(n, seed)

    @property
    def draws_data(self) -> bool:
        """Whether pairs come from samples and their latents: where the model has an inverse map only."""
        return self.numerical == "forward" and self._sample is not None

    def pairs(self, n: int, seed: Seed = 0) -> tuple[FloatArray, FloatArray]:
        """Return `n` pairs ``(z, x)`` to fit to: Sobol latents and their data, or samples and their latents.

        The latter where the model has an inverse map only.
        """
        if self.draws_data:
            x = self.sample(n, seed)
            return self.inverse(x), x
        z = normal_points(n, self.dim, seed)
        return z, self.forward(z)
