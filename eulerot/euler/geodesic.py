"""The geodesic: from an initial velocity to its flow map, the inverse, the path and the gradient."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from eulerot._cached import kept, state_of
from eulerot._ranks import ALONE, Ranks
from eulerot._types import FloatArray
from eulerot.checks import checked_count, checked_number, checked_samples, checked_times
from eulerot.euler.certificate import Certificate, certificate_of
from eulerot.euler.equations import Equation, equation_of
from eulerot.euler.grid import Grid, checked_grid
from eulerot.euler.integrators import DOP853, Tableau
from eulerot.euler.interpolated import FEWEST, InterpolatedTrajectory
from eulerot.euler.particles.advection import Advection
from eulerot.euler.particles.phases import to_phases, to_positions
from eulerot.euler.particles.schemes import LEAST, multistep, runge_kutta
from eulerot.euler.particles.watched import WatchedAdvection
from eulerot.euler.shared_grid import shared
from eulerot.euler.trajectory import Trajectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from mpi4py import MPI

__all__ = ["Geodesic"]

# Errors of the inverse for those of the map, if steps err alike: most of its own come early, and grow
_GROWTH = 2.5


@dataclass(frozen=True, init=False, eq=False)
class Geodesic:
    """A geodesic of the volume-preserving maps, equation (4): its initial field and the flow map at its end.

    Parameters
    ----------
    field0 : array_like
        Initial field at the grid points. In two dimensions the vorticity, shape `grid.points`; in three the velocity,
        shape ``(3, *grid.points)``. What no solution on the grid has is dropped without a word, however much it is:
        modes beyond the truncation, a mean vorticity, a divergence. `solve_euler` refuses a field that would lose much.
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
        Steps of the field, five at least. The particles then read it between them by Hermite interpolation, and take
        `steps` of their own. By default field and particles advance together, in the same steps.
    multistep : bool
        With `field_steps`, from three steps on, whether the particles take steps of Adams' scheme instead, many short
        ones: the velocity is asked for as often as in `steps` of DOP853, twelve times each, and where these are short
        the error is that of half as many velocities.
    few_steps : int, optional
        With `multistep`, fewer steps, three at least, that are tried first: particles of which one of them may err by
        more than `tolerance` take all `steps` instead. Each finds out by itself, from what its steps are corrected by.
    tolerance : float
        The largest error of particles that take `few_steps`, in the latent space.

    Attributes
    ----------
    field0_hat : ndarray
        Kept coefficients of the initial field.

    Raises
    ------
    ValueError
        If the field does not fit the grid or is not finite, or if `steps` is not positive, or `field_steps` too small,
        or missing with `multistep`, or `few_steps` too small, or if `tolerance` is not positive.
    ResolutionError
        On the first use of the map, if the steps are too long for the field.

    See Also
    --------
    eulerot.solve_euler : Solve the Euler equations.
    eulerot.Certificate : Whether a geodesic is a shortest path.
    eulerot.Rearrangement : A map that preserves the latent law.
    eulerot.Grid : Domain and truncation.

    References
    ----------
    V. I. Arnold, Ann. Inst. Fourier 16:319 (1966), https://doi.org/10.5802/aif.233.
    Y. Brenier, J. Amer. Math. Soc. 2:225 (1989), https://doi.org/10.1090/S0894-0347-1989-0969419-8.

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
    time: float
    steps: int
    tableau: Tableau = field(repr=False)
    threads: int
    field_steps: int | None
    multistep: bool
    few_steps: int | None
    tolerance: float
    field0_hat: np.ndarray = field(init=False, repr=False)

    def __init__(
        self,
        field0: ArrayLike,
        grid: Grid,
        time: float = 1.0,
        steps: int = 16,
        tableau: Tableau = DOP853,
        threads: int = 1,
        field_steps: int | None = None,
        multistep: bool = False,
        few_steps: int | None = None,
        tolerance: float = 1e-9,
    ) -> None:
        values = checked_grid(grid).checked_field("field0", field0, components=_components(grid))
        self._set(
            equation_of(grid).analysed(values), grid, time, steps, tableau, threads, field_steps, multistep, few_steps,
            tolerance,
        )  # fmt: skip
        object.__setattr__(self, "field0", values)

    def __getstate__(self) -> dict[str, object]:
        return state_of(self)

    @classmethod
    def from_coefficients(
        cls,
        field0_hat: np.ndarray,
        grid: Grid,
        *,
        time: float = 1.0,
        steps: int = 16,
        tableau: Tableau = DOP853,
        threads: int = 1,
        field_steps: int | None = None,
        multistep: bool = False,
        few_steps: int | None = None,
        tolerance: float = 1e-9,
    ) -> Geodesic:
        """Return the geodesic of an initial field that is given by its kept coefficients.

        Examples
        --------
        >>> grid = Grid((24, 24), "cube")
        >>> vorticity_hat = grid.zeros_hat()
        >>> vorticity_hat[0, 1] = 1.0  # sin x sin 2y
        >>> Geodesic.from_coefficients(vorticity_hat, grid).forward([[0.0, 0.0]])
        array([[0., 0.]])
        """
        geodesic = object.__new__(cls)
        coefficients = checked_grid(grid).checked_coefficients("field0_hat", field0_hat, components=_components(grid))
        geodesic._set(coefficients, grid, time, steps, tableau, threads, field_steps, multistep, few_steps, tolerance)
        return geodesic

    # A field of the dataclass all the same, so that `dataclasses.replace` finds it and gives it to the constructor
    @kept  # type: ignore[no-redef]
    def field0(self) -> FloatArray:
        """Return the initial field at the grid points."""
        return self._equation.synthesised(self.field0_hat)

    def _set(
        self,
        field0_hat: np.ndarray,
        grid: Grid,
        time: float,
        steps: int,
        tableau: Tableau,
        threads: int,
        field_steps: int | None,
        multistep: bool,
        few_steps: int | None,
        tolerance: float,
    ) -> None:
        if not isinstance(tableau, Tableau):
            raise ValueError(f"tableau: expected a Tableau, such as RK4 or DOP853; got {tableau!r}.")
        if multistep and field_steps is None:
            raise ValueError("multistep: expected False without field_steps; got True. Pass field_steps=n.")
        fine = field_steps if field_steps is None else checked_count("field_steps", field_steps, least=FEWEST)
        few = few_steps if few_steps is None else checked_count("few_steps", few_steps, least=LEAST)
        values = {
            "field0_hat": field0_hat, "grid": grid, "time": checked_number("time", time),
            "steps": checked_count("steps", steps), "tableau": tableau, "threads": checked_count("threads", threads),
            "field_steps": fine, "multistep": bool(multistep), "few_steps": few,
            "tolerance": checked_number("tolerance", tolerance, "a positive number", lambda given: given > 0),
        }  # fmt: skip
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def in_steps(
        self,
        steps: int,
        field_steps: int | None = None,
        *,
        multistep: bool = False,
        few_steps: int | None = None,
        tolerance: float = 1e-9,
    ) -> Geodesic:
        """Return the same geodesic in other steps of the particles and of the field.

        If the field keeps steps of its own, it takes them once for both.
        """
        other = self._part(
            self.field0_hat, 1.0, steps=steps, field_steps=field_steps, multistep=multistep, few_steps=few_steps,
            tolerance=tolerance,
        )  # fmt: skip
        if field_steps is not None and field_steps == self.field_steps:
            other.__dict__["_fields"] = self._fields
        return other

    def parts(self, shares: Sequence[float] | FloatArray) -> Iterator[Geodesic]:
        """Yield the parts of the geodesic that end at ascending shares of its time; the first one begins at 0.

        A part takes its share of the steps. Each is a geodesic of its own, of the field that the one before it leaves.

        Raises
        ------
        ValueError
            If the shares are not ascending in [0, 1].
        """
        now, part = 0.0, None
        for share in checked_times("times", shares):
            start, some, now = self.field0_hat if part is None else part.field1_hat, share - now, share
            part = self._part(
                start, some, steps=_share(some, self.steps, 1), field_steps=_share(some, self.field_steps, FEWEST),
                multistep=self.multistep, few_steps=_share(some, self.few_steps, LEAST), tolerance=self.tolerance,
            )  # fmt: skip
            yield part

    def _part(self, start: np.ndarray, share: float, **settings: Any) -> Geodesic:
        return Geodesic.from_coefficients(
            start, self.grid, time=share * self.time, tableau=self.tableau, threads=self.threads, **settings
        )

    @property
    def _equation(self) -> Equation:
        return equation_of(self.grid)

    @property
    def field1_hat(self) -> np.ndarray:
        """Return the kept coefficients of the field at the end."""
        return self._forward[0]

    @property
    def field1(self) -> FloatArray:
        """Return the field at the end, at the grid points."""
        return self._equation.synthesised(self.field1_hat)

    @property
    def flow_map(self) -> Advection:
        """Return the flow map ``X_1`` in phases, in which a Gaussian's tails keep their digits; see `to_phases`."""
        return self._forward[1]

    @property
    def inverse_flow_map(self) -> Advection:
        """Return the inverse of the flow map in phases: the same equations, backwards in time."""
        return self._backward

    @kept
    def _fields(self) -> np.ndarray:
        """The field and its tendency at the start and after each of its own steps."""
        return self._interpolated(self.time).fields(self.field0_hat)

    @kept
    def _forward(self) -> tuple[np.ndarray, Advection]:
        if self.field_steps is None:
            return self._trajectory(self.time).advection(self.field0_hat)
        return self._fields[-1, 0], self._advection(self.time, self._fields, self.tolerance)

    @kept
    def _backward(self) -> Advection:
        if self.field_steps is None:
            return self._trajectory(-self.time).advection(self.field1_hat)[1]
        return self._advection(-self.time, self._fields[::-1], self.tolerance / _GROWTH)

    def _advection(self, time: float, fields: np.ndarray, tolerance: float) -> Advection:
        """Return the advection by fields and tendencies, which particles read between their steps."""
        trajectory = self._interpolated(time)
        whole, few_steps = trajectory.advection_by(fields), self.few_steps
        if few_steps is None or few_steps >= self.steps or not self.multistep:
            return whole
        few = replace(trajectory, steps=multistep(few_steps, time)).advection_by(fields)
        return WatchedAdvection(whole.grid, whole.carriers, whole.steps, whole.threads, few=few, tolerance=tolerance)

    def _trajectory(self, time: float, ranks: Ranks = ALONE) -> Trajectory | InterpolatedTrajectory:
        if self.field_steps is None:
            equation = self._equation if ranks.size == 1 else equation_of(shared(self.grid, ranks))
            return Trajectory(equation, self.tableau, time, self.steps, self.threads, ranks=ranks)
        return self._interpolated(time, ranks)

    def _interpolated(self, time: float, ranks: Ranks = ALONE) -> InterpolatedTrajectory:
        fine = self.field_steps or self.steps
        if self.multistep:
            steps = multistep(self.steps, time)
        else:
            steps = runge_kutta(self.tableau, self.steps, time / self.steps)
        return InterpolatedTrajectory(self._equation, self.tableau, time, steps, fine, self.threads, ranks)

    def forward(self, positions: ArrayLike) -> FloatArray:
        """Return ``X_1`` of positions, shape ``(n, d)``, within the walls of a box."""
        return to_positions(self.flow_map.advance(self._phases(positions)), self.grid)

    def inverse(self, positions: ArrayLike) -> FloatArray:
        """Return the inverse of ``X_1``: the same equations, backwards in time."""
        return to_positions(self.inverse_flow_map.advance(self._phases(positions)), self.grid)

    def log_abs_det(self, positions: ArrayLike) -> FloatArray:
        """Return ``log |det DX_1|``, zero but for discretisation, by the variational equation (16)."""
        return self.flow_map.log_abs_det(self._phases(positions))

    def path(self, positions: ArrayLike, times: Sequence[float] | FloatArray) -> FloatArray:
        """Return the positions at given shares of the duration, ascending in [0, 1], shape ``(times, n, d)``."""
        start = self._phases(positions)
        path = [to_positions(phases, self.grid) for phases in self.phases_along(start, times)]
        return np.array(path).reshape(-1, *start.shape)

    def phases_along(self, phases: FloatArray, times: Sequence[float] | FloatArray) -> Iterator[FloatArray]:
        """Yield the phases of particles at given shares of the duration, ascending in [0, 1]."""
        for part in self.parts(times):
            phases = part.flow_map.advance(phases)
            yield phases

    def gradient(
        self,
        positions: ArrayLike,
        positions_bar: ArrayLike,
        *,
        field1_bar: ArrayLike | None = None,
        comm: MPI.Intracomm | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        """Return the derivatives of an objective of ``X_1(positions)`` and of the final field; equation (11).

        Exact for the numbers that the code computes: the adjoint is that of the discrete steps, all of them.

        Parameters
        ----------
        positions : array_like, shape (n, d)
            Where the particles start.
        positions_bar : array_like, shape (n, d)
            The objective's derivative by the final positions.
        field1_bar : array_like, optional
            The field that represents the objective's derivative by the final field, in the inner product ``mean(a b)``
            over the domain; of the shape of `field0`.
        comm : mpi4py.MPI.Intracomm, optional
            The processes that compute it together, each of which makes this same call: they share the particles and,
            without steps of its own, the field. Every one returns the whole result, to the last bit that of one.

        Returns
        -------
        field0_bar : ndarray
            The field that represents the derivative by `field0`, at the grid points.
        start_bar : ndarray, shape (n, d)
            The derivative by the starting positions.
        """
        phases, scales, equation = self._phases(positions), self.grid.scales, self._equation
        end_bar = checked_samples("positions_bar", positions_bar, dim=self.grid.dim) / scales
        last_bar = None
        if field1_bar is not None:
            values = self.grid.checked_field("field1_bar", field1_bar, components=_components(self.grid))
            last_bar = equation.analysed(values)
        with Ranks(comm) as ranks:
            ranks.check_same(geodesic=self.field0_hat, positions=phases, positions_bar=end_bar, field1_bar=last_bar)
            trajectory = self._trajectory(self.time, ranks)
            grid = trajectory.equation.grid
            first, last = grid.part_of(self.field0_hat), None if last_bar is None else grid.part_of(last_bar)
            field_bar, start_bar = trajectory.gradient(first, phases, last, end_bar)
            field_bar = grid.assembled(field_bar)
        return equation.synthesised(equation.projected(field_bar)), start_bar * scales

    def certificate(self) -> Certificate:
        """Return what is known of the geodesic as a shortest path between its ends, by Brenier's theorem (21).

        Examples
        --------
        >>> grid = Grid((12, 12), "cube")
        >>> x, y = grid.mesh()
        >>> certificate = Geodesic(2 * np.sin(x) * np.sin(y), grid, time=3.0).certificate()
        >>> certificate.shortest, round(certificate.pressure, 6)
        (True, 9.0)
        """
        return certificate_of(self._equation, self.field0_hat, self.time, self.field_steps or self.steps)

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw the initial vorticity and velocity; in space, those in the middle plane of the last axis."""
        from eulerot import plotting

        return plotting.field(*self._equation.section(self.field0_hat), sides=self.grid.sides, ax=ax)

    def _phases(self, positions: ArrayLike) -> FloatArray:
        return to_phases(self.grid.checked_positions("positions", positions), self.grid)


def _components(grid: Grid) -> int:
    """Return the number of components of a field; 0 stands for the vorticity of the plane, which has no such axis."""
    return 0 if grid.dim == 2 else 3


def _share(share: float, steps: int | None, least: int) -> int | None:
    """Return a share of some steps, no fewer than the least, if there are any."""
    return None if steps is None else max(least, math.ceil(share * steps))
