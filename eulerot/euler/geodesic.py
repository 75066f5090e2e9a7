"""From an initial velocity to its flow map: integration of the field, its adjoint, and the geodesic itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from eulerot._types import FloatArray
from eulerot.errors import ResolutionError, checked_samples
from eulerot.euler.equations import VorticityEquation
from eulerot.euler.grid import Grid
from eulerot.euler.integrators import DOP853, Tableau, adjoint_step, step
from eulerot.euler.particles import Transport, basis_coefficients, to_positions, to_wall_distances

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Geodesic", "integrate", "integrate_adjoint", "march", "required_steps"]


def required_steps(equation: VorticityEquation, vorticity: np.ndarray, time: float, stability: float) -> int:
    """Return the least number of steps with ``dt max(|u| K + |v| L) <= stability``."""
    u, v = equation.velocity(vorticity)
    modes_k, modes_l = equation.grid.modes
    rate = float(np.max(np.abs(u) * modes_k + np.abs(v) * modes_l))
    if not np.isfinite(rate):
        raise ResolutionError("steps: the velocity is no longer finite; raise steps, or take fewer modes.")
    return max(1, int(np.ceil(abs(time) * rate / stability)))


class FieldStep(NamedTuple):
    """One step of the field: the field after it, and the stage fields in it."""

    field: np.ndarray
    stages: np.ndarray


def march(
    equation: VorticityEquation, vorticity: np.ndarray, time: float, steps: int, tableau: Tableau
) -> Iterator[FieldStep]:
    """Yield every step of the field.

    Raises
    ------
    ResolutionError
        If the steps are too long for the scheme to be stable.
    """
    needed = required_steps(equation, vorticity, time, tableau.stability)
    if steps < needed:
        raise ResolutionError(
            f"steps: expected at least {needed} for {tableau.name} to be stable with this field on this grid; got "
            f"{steps}. Raise steps."
        )
    for _ in range(steps):
        result = FieldStep(*step(equation, vorticity, time / steps, tableau))
        vorticity = result.field
        if not np.isfinite(vorticity).all():
            raise ResolutionError(f"steps: the field is no longer finite; got {steps} steps. Raise steps.")
        yield result


def integrate(
    equation: VorticityEquation, vorticity: np.ndarray, time: float, steps: int, tableau: Tableau
) -> tuple[np.ndarray, np.ndarray]:
    """Return the final field and all stage fields, shape ``(steps, stages, ...)``."""
    done = list(march(equation, vorticity, time, steps, tableau))
    return done[-1].field, np.stack([one.stages for one in done])


def integrate_adjoint(
    equation: VorticityEquation, stages: np.ndarray, time: float, tableau: Tableau, sources: np.ndarray
) -> np.ndarray:
    """Return the derivative by the initial vorticity, given derivatives by all stage fields, equation (11)."""
    multiplier = np.zeros_like(stages[0, 0])
    dt = time / len(stages)
    for n in reversed(range(len(stages))):
        multiplier = adjoint_step(equation, stages[n], multiplier, dt, tableau, sources[n])
    return multiplier


@dataclass(frozen=True)
class Geodesic:
    """A geodesic of the volume-preserving maps, equation (4): its initial vorticity and the flow map at its end.

    Parameters
    ----------
    field0 : ndarray, shape `grid.points`
        Initial vorticity at the grid points; what the truncation does not keep is dropped.
    grid : Grid
        Domain and truncation.
    time : float
        Duration.
    steps : int
        Runge-Kutta steps.
    tableau : Tableau
        The scheme, one for field and particles.
    threads : int
        Threads over particles; results do not depend on it.

    Raises
    ------
    ValueError
        If the field does not fit the grid or is not finite, or if `steps` is not positive.
    ResolutionError
        On the first use of the map, if the steps are too long for the field.

    Examples
    --------
    >>> grid = Grid((24, 24), "cube")
    >>> x, y = grid.mesh()
    >>> geodesic = Geodesic(np.sin(x) * np.sin(2 * y), grid, steps=32)
    >>> points = np.array([[0.5, 1.0], [3.0, 2.0]])
    >>> np.allclose(geodesic.inverse(geodesic.forward(points)), points, atol=1e-12)
    True
    """

    field0: FloatArray
    grid: Grid
    time: float = 1.0
    steps: int = 16
    tableau: Tableau = field(default=DOP853, repr=False)
    threads: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "field0", self.grid.checked_field("field0", self.field0))
        if int(self.steps) != self.steps or self.steps < 1:
            raise ValueError(f"steps: expected a positive whole number; got {self.steps!r}.")
        if not np.isfinite(self.time):
            raise ValueError(f"time: expected a finite number; got {self.time!r}.")

    @cached_property
    def _equation(self) -> VorticityEquation:
        return VorticityEquation(self.grid)

    @cached_property
    def vorticity_hat(self) -> np.ndarray:
        """Kept coefficients of the initial vorticity."""
        kept = self._equation.transforms.forward(self.field0)
        return np.where(self.grid.laplacian > 0, kept, 0)

    @cached_property
    def _forward(self) -> tuple[np.ndarray, Transport]:
        return self._transport(self.vorticity_hat, self.time)

    @cached_property
    def _backward(self) -> tuple[np.ndarray, Transport]:
        return self._transport(self._forward[0], -self.time)

    def _transport(self, start: np.ndarray, time: float) -> tuple[np.ndarray, Transport]:
        end, stages = integrate(self._equation, start, time, self.steps, self.tableau)
        psi = basis_coefficients(self._equation.streamfunction(stages), self.grid)
        return end, Transport(self.grid, psi, time / self.steps, self.tableau, self.threads)

    @property
    def final_vorticity_hat(self) -> np.ndarray:
        """Kept coefficients of the vorticity at the end."""
        return self._forward[0]

    def vorticity(self, when: str = "start") -> FloatArray:
        """Return the vorticity on the grid at the ``"start"`` or the ``"end"``."""
        kept = {"start": self.vorticity_hat, "end": self.final_vorticity_hat}[when]
        return self._equation.transforms.backward(kept)

    def forward(self, positions: ArrayLike) -> FloatArray:
        """Return ``X_1`` of positions, shape ``(n, 2)``, in ``[0, pi]^2`` for the box."""
        return self._leave(self._forward[1].advance(self._enter(positions)))

    def inverse(self, positions: ArrayLike) -> FloatArray:
        """Return the inverse of ``X_1``: the same equations run backwards."""
        return self._leave(self._backward[1].advance(self._enter(positions)))

    def log_abs_det(self, positions: ArrayLike) -> FloatArray:
        """Return ``log |det DX_1|``, zero but for discretisation, by the variational equation (16)."""
        _, jacobian = self._forward[1].advance_jacobian(self._enter(positions))
        return np.log(np.abs(np.linalg.det(jacobian)))

    def path(self, positions: ArrayLike, times: Sequence[float] | FloatArray) -> FloatArray:
        """Return the positions at given shares of the duration, ascending in [0, 1], shape ``(times, n, 2)``."""
        return np.stack([self._leave(at) for at in self.path_of_distances(self._enter(positions), times)])

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw the initial vorticity."""
        from eulerot import plotting

        side = self.grid.length
        return plotting.vorticity(self.vorticity(), extent=(0.0, side, 0.0, side), ax=ax)

    # The maps on signed wall distances, in which the tails of a Gaussian keep their digits.

    def forward_distances(self, distances: FloatArray) -> FloatArray:
        """Return ``X_1`` in signed wall distances."""
        return self._forward[1].advance(distances)

    def inverse_distances(self, distances: FloatArray) -> FloatArray:
        """Return the inverse of ``X_1`` in signed wall distances."""
        return self._backward[1].advance(distances)

    def jacobian_distances(self, distances: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return ``X_1`` and ``DX_1`` in signed wall distances."""
        return self._forward[1].advance_jacobian(distances)

    def path_of_distances(self, distances: FloatArray, times: Sequence[float] | FloatArray) -> list[FloatArray]:
        """Return the path in signed wall distances."""
        now, vorticity, result = 0.0, self.vorticity_hat, []
        for time in np.asarray(times, dtype=float):
            if not now <= time <= 1.0:
                raise ValueError(f"times: expected ascending values in [0, 1]; got {time} after {now}.")
            if time > now:
                piece = replace(self, steps=max(1, int(np.ceil((time - now) * self.steps))))
                vorticity, transport = piece._transport(vorticity, (time - now) * self.time)
                distances, now = transport.advance(distances), float(time)
            result.append(distances)
        return result

    def refined(self, distances: FloatArray, *, tolerance: float, most: int = 2048) -> Geodesic:
        """Return the same geodesic with as many steps as its map needs to be accurate to `tolerance`.

        The error of the map is estimated by halving the step at sample points, relative to the distance from the walls:
        that is the error in the latent space, to a factor below one.

        Raises
        ------
        ResolutionError
            If `most` steps do not suffice.
        """
        steps = required_steps(self._equation, self.vorticity_hat, self.time, self.tableau.stability)
        coarse = replace(self, steps=max(4, steps))
        end = coarse.forward_distances(distances)
        while coarse.steps <= most:
            fine = replace(coarse, steps=2 * coarse.steps)
            finer_end = fine.forward_distances(distances)
            room = np.minimum(np.abs(finer_end), np.pi - np.abs(finer_end))
            if np.max(np.abs(finer_end - end) / room) <= tolerance:
                return coarse
            coarse, end = fine, finer_end
        raise ResolutionError(
            f"steps: {most} steps do not bring the flow map's error below {tolerance:g}. "
            "Take fewer modes, or regularise more."
        )

    def _enter(self, positions: ArrayLike) -> FloatArray:
        points = checked_samples("positions", positions, dim=2)
        if not self.grid.walls:
            return points
        if points.min() < 0 or points.max() > np.pi:
            raise ValueError(f"positions: expected values in [0, pi]; got [{points.min():g}, {points.max():g}].")
        return to_wall_distances(points)

    def _leave(self, distances: FloatArray) -> FloatArray:
        return to_positions(distances) if self.grid.walls else distances
