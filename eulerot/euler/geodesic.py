"""The geodesic: from an initial velocity to its flow map, the inverse, the path and the gradient."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from eulerot._types import FloatArray
from eulerot.errors import checked_samples
from eulerot.euler.equations import Equation, equation_of
from eulerot.euler.grid import Grid
from eulerot.euler.integrators import DOP853, Tableau
from eulerot.euler.particles import Transport, to_angles, to_positions
from eulerot.euler.splined import FEWEST, SplinedTrajectory
from eulerot.euler.trajectory import Trajectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Geodesic"]


@dataclass(frozen=True)
class Geodesic:
    """A geodesic of the volume-preserving maps, equation (4): its initial field and the flow map at its end.

    Parameters
    ----------
    field0 : ndarray
        Initial field at the grid points; what the truncation does not keep is dropped. In two dimensions the vorticity,
        shape `grid.points`; in three the velocity, shape ``(3, *grid.points)``, of which the divergence-free part
        counts.
    grid : Grid
        Domain and truncation.
    time : float
        Duration.
    steps : int
        Runge-Kutta steps of the particles, and of the field unless `field_steps` says otherwise.
    tableau : Tableau
        The scheme, one for field and particles.
    threads : int
        Threads over particles; results do not depend on it.
    field_steps : int, optional
        Steps of the field, nine at least. The particles then read it by splines in time, and for the same accuracy need
        fewer `steps`. By default field and particles advance together, in the same steps.

    Raises
    ------
    ValueError
        If the field does not fit the grid or is not finite, or if `steps` is not positive, or `field_steps` too small.
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
    field_steps: int | None = None

    def __post_init__(self) -> None:
        components = 0 if self.grid.dim == 2 else 3
        object.__setattr__(self, "field0", self.grid.checked_field("field0", self.field0, components=components))
        if int(self.steps) != self.steps or self.steps < 1:
            raise ValueError(f"steps: expected a positive whole number; got {self.steps!r}.")
        field_steps = FEWEST if self.field_steps is None else self.field_steps
        if int(field_steps) != field_steps or field_steps < FEWEST:
            raise ValueError(f"field_steps: expected None or a whole number from {FEWEST} on; got {field_steps!r}.")
        if not np.isfinite(self.time):
            raise ValueError(f"time: expected a finite number; got {self.time!r}.")

    @cached_property
    def _equation(self) -> Equation:
        return equation_of(self.grid)

    @cached_property
    def field0_hat(self) -> np.ndarray:
        """Kept coefficients of the initial field."""
        return self._equation.analysed(self.field0)

    @property
    def field1_hat(self) -> np.ndarray:
        """Kept coefficients of the field at the end."""
        return self._forward[0]

    @property
    def field1(self) -> FloatArray:
        """The field at the end, at the grid points."""
        return self._equation.synthesised(self.field1_hat)

    @cached_property
    def _forward(self) -> tuple[np.ndarray, Transport]:
        return self._trajectory(1.0).transport(self.field0_hat)

    @cached_property
    def _backward(self) -> tuple[np.ndarray, Transport]:
        return self._trajectory(-1.0).transport(self.field1_hat)

    def _trajectory(self, share: float) -> Trajectory | SplinedTrajectory:
        """Return the run over a share of the time, negative to go back, in steps no longer than the whole's."""
        time, steps = share * self.time, math.ceil(abs(share) * self.steps)
        if self.field_steps is None:
            return Trajectory(self._equation, self.tableau, time, steps, self.threads)
        field_steps = max(FEWEST, math.ceil(abs(share) * self.field_steps))
        return SplinedTrajectory(self._equation, self.tableau, time, steps, field_steps, self.threads)

    def forward(self, positions: ArrayLike) -> FloatArray:
        """Return ``X_1`` of positions, shape ``(n, d)``, within the walls of a box."""
        return self._leave(self._forward[1].advance(self._enter(positions)))

    def inverse(self, positions: ArrayLike) -> FloatArray:
        """Return the inverse of ``X_1``: the same equations run backwards."""
        return self._leave(self._backward[1].advance(self._enter(positions)))

    def log_abs_det(self, positions: ArrayLike) -> FloatArray:
        """Return ``log |det DX_1|``, zero but for discretisation, by the variational equation (16)."""
        _, jacobian = self._forward[1].advance_jacobian(self._enter(positions))
        return np.log(np.abs(np.linalg.det(jacobian)))

    def path(self, positions: ArrayLike, times: Sequence[float] | FloatArray) -> FloatArray:
        """Return the positions at given shares of the duration, ascending in [0, 1], shape ``(times, n, d)``."""
        return np.stack([self._leave(at) for at in self.path_of_angles(self._enter(positions), times)])

    def gradient(
        self, positions: ArrayLike, positions_bar: ArrayLike, *, field1_bar: ArrayLike | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Return the derivatives of an objective of ``X_1(positions)`` and of the final field; equation (11).

        Exact for the numbers that the code computes: the adjoint is that of the discrete steps.

        Parameters
        ----------
        positions : array_like, shape (n, d)
            Where the particles start.
        positions_bar : array_like, shape (n, d)
            The objective's derivative by the final positions.
        field1_bar : array_like, optional
            The field that represents the objective's derivative by the final field, in the inner product ``mean(a b)``
            over the domain; of the shape of `field0`.

        Returns
        -------
        field0_bar : ndarray
            The field that represents the derivative by `field0`, at the grid points.
        start_bar : ndarray, shape (n, d)
            The derivative by the starting positions.
        """
        angles, scales = self._enter(positions), self.grid.scales
        end_bar = checked_samples("positions_bar", positions_bar, dim=self.grid.dim) / scales
        last_bar = None if field1_bar is None else self._equation.analysed(np.asarray(field1_bar, dtype=float))
        field_bar, start_bar = self._trajectory(1.0).gradient(self.field0_hat, angles, last_bar, end_bar)
        return self._equation.synthesised(self._equation.projected(field_bar)), start_bar * scales

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw the initial vorticity and velocity; in space, those in the middle plane of the last axis."""
        from eulerot import plotting

        return plotting.field(*self._equation.section(self.field0_hat), sides=self.grid.sides, ax=ax)

    # The maps on angles, signed wall distances in the box, in which the tails of a Gaussian keep their digits.

    def forward_angles(self, angles: FloatArray) -> FloatArray:
        """Return ``X_1`` in angles."""
        return self._forward[1].advance(angles)

    def inverse_angles(self, angles: FloatArray) -> FloatArray:
        """Return the inverse of ``X_1`` in angles."""
        return self._backward[1].advance(angles)

    def jacobian_angles(self, angles: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return ``X_1`` and ``DX_1`` in angles."""
        return self._forward[1].advance_jacobian(angles)

    def path_of_angles(self, angles: FloatArray, times: Sequence[float] | FloatArray) -> list[FloatArray]:
        """Return the path in angles."""
        now, start, result = 0.0, self.field0_hat, []
        for time in np.asarray(times, dtype=float):
            if not now <= time <= 1.0:
                raise ValueError(f"times: expected ascending values in [0, 1]; got {time} after {now}.")
            if time > now:
                start, transport = self._trajectory(time - now).transport(start)
                angles, now = transport.advance(angles), float(time)
            result.append(angles)
        return result

    def _enter(self, positions: ArrayLike) -> FloatArray:
        return to_angles(self.grid.checked_positions("positions", positions), self.grid)

    def _leave(self, angles: FloatArray) -> FloatArray:
        return to_positions(angles, self.grid)
