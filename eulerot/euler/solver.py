"""The solver on its own: evolve a field by the Euler equations, and particles with it, and keep its invariants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from tqdm import tqdm

from eulerot._types import FloatArray
from eulerot.checks import checked_choice, checked_count, checked_number
from eulerot.errors import ResolutionError
from eulerot.euler import invariants
from eulerot.euler.diagnostics import Diagnostics
from eulerot.euler.dropped import check_dropped
from eulerot.euler.equations import Equation, VorticityEquation, equation_of
from eulerot.euler.grid import Grid, checked_grid
from eulerot.euler.integrators import RK4
from eulerot.euler.particles.advection import Advection
from eulerot.euler.particles.phases import to_phases, to_positions
from eulerot.euler.stepping import required_steps, time_steps

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["EulerSolution", "solve_euler"]

# Margins of interpolants with which a velocity of few modes is exact to rounding
_MARGIN = {2: 256, 3: 64}
_QUANTITIES = ("vorticity", "velocity")
_SHARE = ("a share in (0, 1]", lambda share: 0 < share <= 1)
# A velocity whose mean was subtracted in single precision has one of this share of its largest value at most
_ROUNDED = 1e-6


@dataclass(frozen=True)
class EulerSolution:
    """A solution of the Euler equations.

    Attributes
    ----------
    field : ndarray
        The field at the end, at the grid points; the quantity that was given.
    times, energy, enstrophy : ndarray, shape (steps + 1,)
        The times of the steps, and ``1/2 mean |u|^2`` and ``1/2 mean |omega|^2`` at them.
    helicity : ndarray, shape (steps + 1,), or None
        ``mean u . omega`` in three dimensions on the torus; walls do not conserve it.
    casimirs : ndarray, shape (steps + 1, 2), or None
        Means of ``omega^3`` and ``omega^4`` over the grid points in two dimensions. The Euler equations conserve them,
        a truncation does not: their drift shows what it leaves out.
    tail : ndarray, shape (steps + 1,)
        The share of the enstrophy in the outermost tenth of the kept modes of any axis.
    positions : ndarray, shape (n, d), or None
        The particles at the end; on the torus not wrapped.
    grid : Grid
        Where the field lives.
    field_hat : ndarray
        Kept coefficients at the end: of the vorticity in two dimensions, of the velocity in three.
    status : {"completed", "interrupted"}
        Whether the end was reached; the last of `times` says how far.
    """

    field: FloatArray
    times: FloatArray
    energy: FloatArray
    enstrophy: FloatArray
    helicity: FloatArray | None
    casimirs: FloatArray | None
    tail: FloatArray
    positions: FloatArray | None
    grid: Grid
    field_hat: np.ndarray
    status: str

    def spectrum(self) -> tuple[FloatArray, FloatArray]:
        """Return wavenumbers and the energy in the shell around each at the end; the sum is the energy."""
        return invariants.spectrum(self.field_hat, self.grid)

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw vorticity and velocity at the end; in space, those in the middle plane of the last axis."""
        from eulerot import plotting

        return plotting.field(*equation_of(self.grid).section(self.field_hat), sides=self.grid.sides, ax=ax)


def solve_euler(
    field0: ArrayLike,
    grid: Grid,
    *,
    time: float,
    steps: int | None = None,
    threads: int = 1,
    particles: ArrayLike | None = None,
    quantity: str | None = None,
    evaluation: str = "splines",
    courant: float = 0.5,
    tail_limit: float | None = 1e-2,
    progress: bool = False,
) -> EulerSolution:
    """Evolve a field by the incompressible Euler equations, equations (6) to (8).

    Parameters
    ----------
    field0 : array_like
        In two dimensions the vorticity ``omega = v_x - u_y`` at the grid points, shape `grid.points`; in three the
        velocity, shape ``(3, *grid.points)``. What no solution on the grid has is dropped: modes beyond the
        truncation, a mean vorticity, a divergence, what crosses the walls. `tail_limit` bounds how much that may be.
    grid : Grid
        Domain and truncation.
    time : float
        Duration; negative to go back.
    steps : int, optional
        Runge-Kutta steps of fourth order; by default as many as `courant` asks for, and more where the field speeds up.
    threads : int
        Threads. Results do not depend on it.
    particles : array_like, shape (n, d), optional
        Positions to carry along, within the walls of a box.
    quantity : {"vorticity", "velocity"}, optional
        What `field0` is, if it is the velocity in two dimensions, shape ``(2, *grid.points)`` and without mean on the
        torus (what rounding leaves of one, up to 1e-6 of the largest speed, is dropped), or the vorticity in three,
        shape ``(3, *grid.points)``. The solution's field is the same quantity.
    evaluation : {"splines", "nufft"}
        How the velocity at particles is summed: by splines of its potential, whose error is small where the highest
        modes are weak (1e-7 of the velocity of a field whose tail is below 1e-4; 1e-5 in a wave of the highest mode),
        and which keep particles within the walls and apart; or by a non-uniform FFT (finufft, an extra), whose error
        is 1e-13 of the largest velocity, and which takes some five times as long.
    courant : float
        The step in shares of the longest stable one, where `steps` is not given.
    tail_limit : float or None
        The largest share of the enstrophy that the outermost tenth of the kept modes may hold, at any step, and the
        largest share of the enstrophy, and of the energy if a velocity is given, of `field0` that may be dropped; None
        for no limit. The vorticity of rolling shear layers, of the four-mode flow and of the Taylor-Green vortex was
        off by 1 to 2 percent when the outermost share crossed 1e-4, by 3 to 7 at 1e-3 and by 9 to 18 at the default,
        which only stops solutions that no longer mean much; see ``validation/euler/resolution.py``.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    EulerSolution
        The field at the end, and the invariants at every step. Ctrl-C ends the solution with what there is.

    Raises
    ------
    ValueError
        If an argument does not fit, or an array is not finite.
    ResolutionError
        If the steps are too long for the scheme to be stable, if the field is under-resolved, or if too much of it
        would be dropped.

    Examples
    --------
    >>> grid = Grid((32, 32))
    >>> x, y = grid.mesh()
    >>> solution = solve_euler(np.cos(x) + np.cos(2 * y), grid, time=1.0, steps=50)
    >>> bool(abs(solution.energy[-1] / solution.energy[0] - 1) < 1e-9)
    True
    """
    time, courant = checked_number("time", time), checked_number("courant", courant, *_SHARE)
    if tail_limit is not None:
        tail_limit = checked_number("tail_limit", tail_limit, f"{_SHARE[0]}, or None for no limit", _SHARE[1])
    least = None if steps is None else checked_count("steps", steps)
    equation = equation_of(checked_grid(grid), threads=checked_count("threads", threads))
    native = "vorticity" if grid.dim == 2 else "velocity"
    quantity = checked_choice("quantity", native if quantity is None else quantity, _QUANTITIES)
    field = _field_of(equation, field0, quantity, tail_limit)
    if least is None:
        least = required_steps(equation, field, time, courant * RK4.stability)
    phases = None if particles is None else to_phases(grid.checked_positions("particles", particles), grid)
    diagnostics, status = Diagnostics(equation, tail_limit), "completed"
    stages = None if phases is None else equation.zeros(1, RK4.stages)
    advance = _evaluation(evaluation, equation)
    diagnostics.record(0.0, field)
    state = (0, field, phases)  # of the last complete step, whenever Ctrl-C comes
    try:
        share = courant if steps is None else None
        following = time_steps(equation, field, time, least, RK4, courant=share, stages=stages)
        for now, dt, after in tqdm(following, total=least, desc="Euler", unit=" steps", disable=not progress):
            if stages is not None and phases is not None:
                phases = advance(phases, stages, dt)
            diagnostics.record(now, after)
            state = (state[0] + 1, after, phases)
    except KeyboardInterrupt:
        status = "interrupted"
    done, field, phases = state
    return EulerSolution(
        field=equation.synthesised(field) if quantity == native else _other_quantity(equation, field),
        positions=None if phases is None else to_positions(phases, grid),
        grid=grid,
        field_hat=field,
        status=status,
        **diagnostics.columns(done + 1),  # type: ignore[arg-type]
    )


def _field_of(equation: Equation, field0: ArrayLike, quantity: str, limit: float | None) -> np.ndarray:
    """Return the kept coefficients of what was given."""
    grid, plane = equation.grid, isinstance(equation, VorticityEquation)
    components = 0 if plane and quantity == "vorticity" else grid.dim
    values = grid.checked_field("field0", field0, components=components)
    if limit is not None:
        if plane and quantity == "velocity" and not grid.walls:
            _check_mean(values, np.asarray(field0).dtype)
        check_dropped(equation, values, quantity, limit)
    if isinstance(equation, VorticityEquation) and quantity == "velocity":
        return equation.projected(equation.from_velocity(values))
    if not isinstance(equation, VorticityEquation) and quantity == "vorticity":
        return equation.from_vorticity(values)
    return equation.analysed(values)


def _check_mean(velocity: FloatArray, dtype: np.dtype) -> None:
    """Raise an error if a velocity of the plane has a mean that its precision, single at least, does not explain."""
    precision = 4 * np.finfo(dtype).eps if dtype.kind == "f" else 0.0
    mean = velocity.mean(axis=(1, 2))
    if np.any(np.abs(mean) > max(_ROUNDED, precision) * np.abs(velocity).max()):
        raise ResolutionError(
            f"field0: expected a velocity without mean; got a mean of {mean}. It only moves the solution along: "
            "subtract it, or set tail_limit=None to have it dropped."
        )


def _evaluation(name: str, equation: Equation) -> Callable[[FloatArray, np.ndarray, float], FloatArray]:
    """Return how particles are advanced by one step, given its stage fields, shape ``(1, stages, ...)``."""
    if checked_choice("evaluation", name, ("splines", "nufft")) == "nufft":
        from eulerot.euler.particles.nonuniform import NonuniformAdvection

        nonuniform = NonuniformAdvection(equation, RK4, equation.threads)
        return lambda phases, stages, dt: nonuniform.advance(phases, stages[0], dt)

    margin = _MARGIN[equation.grid.dim]

    def splines(phases: FloatArray, stages: np.ndarray, dt: float) -> FloatArray:
        return Advection.of(equation, stages, dt, RK4, equation.threads, margin).advance(phases)

    return splines


def _other_quantity(equation: Equation, field: np.ndarray) -> FloatArray:
    """Return the velocity of a vorticity in the plane, the vorticity of a velocity in space; on the grid."""
    return equation.velocity(field) if isinstance(equation, VorticityEquation) else equation.vorticity(field)
