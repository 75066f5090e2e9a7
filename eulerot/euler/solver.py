"""The solver on its own: evolve a vorticity field, and particles with it, and keep its invariants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from tqdm import tqdm

from eulerot._types import FloatArray
from eulerot.errors import checked_samples
from eulerot.euler.equations import VorticityEquation
from eulerot.euler.geodesic import march, required_steps
from eulerot.euler.grid import Grid
from eulerot.euler.integrators import RK4
from eulerot.euler.invariants import energy, enstrophy
from eulerot.euler.particles import Transport, basis_coefficients, to_positions, to_wall_distances

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["EulerSolution", "solve_euler"]

# The share of the scheme's limit of stability that is used where the number of steps is not given
_COURANT = 0.5


@dataclass(frozen=True)
class EulerSolution:
    """A solution of the Euler equations.

    Attributes
    ----------
    field : ndarray, shape `grid.points`
        The vorticity at the end.
    times, energy, enstrophy : ndarray, shape (steps + 1,)
        The times of the steps, and ``1/2 mean |u|^2`` and ``1/2 mean |omega|^2`` at them.
    positions : ndarray, shape (n, 2), or None
        The particles at the end.
    grid : Grid
        Where the field lives.
    status : {"completed", "interrupted"}
        Whether the end was reached; the last of `times` says how far.
    """

    field: FloatArray
    times: FloatArray
    energy: FloatArray
    enstrophy: FloatArray
    positions: FloatArray | None
    grid: Grid
    status: str

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw the vorticity at the end."""
        from eulerot import plotting

        return plotting.vorticity(self.field, extent=(0.0, self.grid.length, 0.0, self.grid.length), ax=ax)


def solve_euler(
    field0: ArrayLike,
    grid: Grid,
    *,
    time: float,
    steps: int | None = None,
    threads: int = 1,
    particles: ArrayLike | None = None,
    progress: bool = False,
) -> EulerSolution:
    """Evolve a vorticity by the incompressible Euler equations, equations (6) to (8).

    Parameters
    ----------
    field0 : array_like, shape `grid.points`
        Vorticity ``omega = v_x - u_y`` at the grid points; its mean and what the truncation does not keep are dropped.
    grid : Grid
        Domain and truncation.
    time : float
        Duration; negative to go back.
    steps : int, optional
        Runge-Kutta steps of fourth order; by default half the limit of stability.
    threads : int
        Threads. The result of the particles does not depend on it.
    particles : array_like, shape (n, 2), optional
        Positions to carry along, in ``[0, pi]^2`` for the box.
    progress : bool
        Whether to show a progress bar.

    Raises
    ------
    ValueError
        If an array does not fit, or is not finite.
    ResolutionError
        If the steps are too long for the scheme to be stable.

    Examples
    --------
    >>> grid = Grid((32, 32))
    >>> x, y = grid.mesh()
    >>> solution = solve_euler(np.cos(x) + np.cos(2 * y), grid, time=1.0, steps=50)
    >>> bool(abs(solution.energy[-1] / solution.energy[0] - 1) < 1e-9)
    True
    """
    equation = VorticityEquation(grid, threads=threads)
    vorticity = equation.transforms.forward(grid.checked_field("field0", field0))
    vorticity = np.where(grid.laplacian > 0, vorticity, 0)
    if not np.isfinite(time):
        raise ValueError(f"time: expected a finite number; got {time!r}.")
    if steps is None:
        steps = required_steps(equation, vorticity, time, _COURANT * RK4.stability)
    if int(steps) != steps or steps < 1:
        raise ValueError(f"steps: expected a positive whole number; got {steps!r}.")
    where = None if particles is None else checked_samples("particles", particles, dim=2)
    if where is not None and grid.walls:
        where = to_wall_distances(where)
    energies, enstrophies, status = [energy(vorticity, grid)], [enstrophy(vorticity, grid)], "completed"
    try:
        marching = march(equation, vorticity, time, int(steps), RK4)
        for done in tqdm(marching, total=int(steps), desc="Euler", unit=" steps", disable=not progress):
            vorticity = done.field
            if where is not None:
                psi = basis_coefficients(equation.streamfunction(done.stages), grid)[None]
                where = Transport(grid, psi, time / steps, RK4, threads).advance(where)
            energies.append(energy(vorticity, grid))
            enstrophies.append(enstrophy(vorticity, grid))
    except KeyboardInterrupt:
        status = "interrupted"
    return EulerSolution(
        field=equation.transforms.backward(vorticity),
        times=np.linspace(0.0, time, int(steps) + 1)[: len(energies)],
        energy=np.array(energies),
        enstrophy=np.array(enstrophies),
        positions=to_positions(where) if where is not None and grid.walls else where,
        grid=grid,
        status=status,
    )
