"""How the geodesics of sweeps are fitted in the plane, in space and in many dimensions, as studies chose it."""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["SweepSettings", "sweep_settings"]

# Fewer pairs overfit with a weight that many can do with at once
_MANY_PAIRS = 4096


@dataclass(frozen=True)
class SweepSettings:
    """Settings of the geodesics of sweeps.

    A sweep need not be exact, because another follows, and all are refined together: few iterations, few steps, one
    weight.

    Attributes
    ----------
    weights, weights_of_few : tuple of float
        Of the regularisation of a sweep, for many pairs and for few.
    joint_weights : tuple of float
        Where all sweeps are refined together.
    iterations : int
        Of the optimiser, for each geodesic of a sweep.
    cosines : int or None
        Of its potential, see `regressed_potential`.
    every_plane : bool
        Whether a plane is fitted even if its cost does not fall from rest by more than a standard error.
    """

    weights: tuple[float, ...]
    weights_of_few: tuple[float, ...]
    joint_weights: tuple[float, ...]
    iterations: int
    cosines: int | None
    every_plane: bool

    def weights_for(self, pairs: int) -> tuple[float, ...]:
        """Return the weights of a sweep, for so many pairs to fit to."""
        return self.weights if pairs >= _MANY_PAIRS else self.weights_of_few


_PLANE = SweepSettings(
    weights=(1e-3,), weights_of_few=(1e-2, 1e-3), joint_weights=(1e-4, 1e-5), iterations=12, cosines=None,
    every_plane=True,
)  # fmt: skip
_SPACE = replace(_PLANE, joint_weights=(1e-3, 1e-4))
# Here geodesics are many, of slow fields
_MANY_DIMENSIONS = SweepSettings(
    weights=(3e-3,), weights_of_few=(3e-3,), joint_weights=(1e-3, 1e-4), iterations=6, cosines=8,
    every_plane=False,
)  # fmt: skip


def sweep_settings(dim: int) -> SweepSettings:
    """Return the settings for latents of a dimension.

    Examples
    --------
    >>> [sweep_settings(dim).joint_weights for dim in (2, 3, 10)]
    [(0.0001, 1e-05), (0.001, 0.0001), (0.001, 0.0001)]
    """
    return {2: _PLANE, 3: _SPACE}.get(dim, _MANY_DIMENSIONS)
