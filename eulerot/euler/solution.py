"""What a solve returns: the end, the invariants at each step, and the solution at the times that were asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from eulerot._summary import Shown, in_one_line, in_words
from eulerot._types import FloatArray
from eulerot.checks import checked_number
from eulerot.checks.scalars import shown
from eulerot.euler import invariants
from eulerot.euler.dataset import MEASURES, dataset
from eulerot.euler.equations import Equation, VorticityEquation, equation_of
from eulerot.euler.grid import Grid

if TYPE_CHECKING:
    import os
    from pathlib import Path

    import xarray
    from matplotlib.axes import Axes

__all__ = ["EulerSolution", "Saved", "Snapshot", "State", "coefficients_of", "saved_of", "shown_field"]


@dataclass(frozen=True)
class Saved:
    """A solution at the times that were asked for, as far as it came.

    Of a solution with a store, fields and positions are arrays of zarr, which are read when they are indexed.

    Attributes
    ----------
    times : ndarray, shape (m,)
        The times, exactly as asked for.
    fields : ndarray, shape `(m, *points)` or `(m, d, *points)`
        The field at these times, the quantity that was given.
    positions : ndarray, shape (m, n, d), or None
        The particles at these times.
    energy, enstrophy : ndarray, shape (m,)
        The invariants at these times.
    indices : ndarray of int, shape (m,)
        Where these times stand among those of all steps: ``solution.tail[saved.indices]`` is the tail at them.

    See Also
    --------
    eulerot.EulerSolution : What a solve returns.
    eulerot.solve_euler : Solve the Euler equations.

    Examples
    --------
    >>> from eulerot import Grid, solve_euler
    >>> solution = solve_euler(np.cos(Grid((8, 8)).mesh()[0]), Grid((8, 8)), time=1.0, save_at=[0.0, 1.0])
    >>> solution.saved.times, solution.saved.fields.shape
    (array([0., 1.]), (2, 8, 8))
    """

    times: FloatArray
    fields: FloatArray
    positions: FloatArray | None
    energy: FloatArray
    enstrophy: FloatArray
    indices: np.ndarray

    def snapshots(self) -> Iterator[Snapshot]:
        """Yield what was saved, one time each."""
        for n, step in enumerate(self.indices.tolist()):
            yield Snapshot(step, self.fields[n], None if self.positions is None else self.positions[n])


class State(NamedTuple):
    """The field and the phases of the particles after so many steps, all that the steps to come depend on."""

    step: int
    time: float
    field: np.ndarray
    phases: FloatArray | None


class Snapshot(NamedTuple):
    """The field and the particles after so many steps."""

    step: int
    field: FloatArray
    positions: FloatArray | None


def shown_field(equation: Equation, field_hat: np.ndarray, quantity: str) -> FloatArray:
    """Return the grid values of a quantity, given the kept coefficients of the equation's own."""
    if quantity == ("vorticity" if equation.grid.dim == 2 else "velocity"):
        return equation.synthesised(field_hat)
    return equation.velocity(field_hat) if isinstance(equation, VorticityEquation) else equation.vorticity(field_hat)


def coefficients_of(equation: Equation, values: FloatArray, quantity: str) -> np.ndarray:
    """Return the kept coefficients of the equation's own field, given the grid values of a quantity."""
    if isinstance(equation, VorticityEquation) and quantity == "velocity":
        return equation.projected(equation.from_velocity(values))
    if not isinstance(equation, VorticityEquation) and quantity == "vorticity":
        return equation.from_vorticity(values)
    return equation.analysed(values)


def saved_of(snapshots: list[Snapshot], end: Snapshot, columns: dict[str, FloatArray | None]) -> Saved:
    """Return what was saved up to the end, at which a solution may be interrupted, with the invariants then."""
    kept = [each for each in snapshots if each.step <= end.step]
    indices = np.array([each.step for each in kept], dtype=np.int64)
    times, energy, enstrophy = (columns[name] for name in ("times", "energy", "enstrophy"))
    assert times is not None and energy is not None and enstrophy is not None
    positions = None
    if end.positions is not None:
        positions = np.array([each.positions for each in kept]).reshape(len(kept), *end.positions.shape)
    return Saved(
        times=times[indices],
        fields=np.array([each.field for each in kept]).reshape(len(kept), *end.field.shape),
        positions=positions,
        energy=energy[indices],
        enstrophy=enstrophy[indices],
        indices=indices,
    )


@dataclass(frozen=True)
class EulerSolution(Shown):
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
        a truncation does not: their drift shows what it leaves out. They are measured at the start, at the times of
        `saved`, at the end and at every `casimirs_every`-th step; elsewhere they are not a number.
    tail : ndarray, shape (steps + 1,)
        The share of the enstrophy in the outermost tenth of the kept modes of any axis.
    positions : ndarray, shape (n, d), or None
        The particles at the end; on the torus not wrapped.
    grid : Grid
        Where the field lives.
    field_hat : ndarray
        Kept coefficients at the end: of the vorticity in two dimensions, of the velocity in three.
    status : {"completed", "stopped", "interrupted"}
        Whether the end was reached, a callback stopped the solution, or Ctrl-C did; the last of `times` says how far
        it came.
    quantity : {"vorticity", "velocity"}
        What the field is.
    saved : Saved, or None
        The solution at the times of `save_at`.
    phases : ndarray, shape (n, d), or None
        The particles at the end as the solver holds them, by their distances from the walls of a box: from these
        `solve_euler` goes on without a loss.
    store : Path, or None
        The Zarr store that holds what was saved.

    See Also
    --------
    eulerot.solve_euler : Solve the Euler equations.
    eulerot.euler.solution.Saved : A solution at chosen times.

    Examples
    --------
    >>> from eulerot import Grid, solve_euler
    >>> print(solve_euler(np.cos(Grid((8, 8)).mesh()[0]), Grid((8, 8)), time=1.0, steps=10))
    completed at time 1 after 10 steps, vorticity on 8 x 8 points of the torus
      energy     0.25, kept to 0.0e+00
      enstrophy  0.25, kept to 0.0e+00
      tail       ... at most
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
    quantity: str
    saved: Saved | None = None
    phases: FloatArray | None = None
    store: Path | None = None

    def __str__(self) -> str:
        """Return how far the solution came, and what it kept on the way."""
        points, steps = " x ".join(map(str, self.grid.points)), len(self.times) - 1
        where = f"{points} points of the {'torus' if self.grid.domain == 'torus' else 'box'}"
        title = f"{self.status} at time {self.times[-1]:g} after {steps} steps, {self.quantity} on {where}"
        rows = [(name, _kept(getattr(self, name))) for name in ("energy", "enstrophy")]
        rows.append(("tail", f"{self.tail.max():.1e} at most"))
        rows.append(("particles", "" if self.positions is None else f"{len(self.positions)}"))
        rows.append(("saved", "" if self.saved is None else f"at {shown(self.saved.times.tolist())}"))
        rows.append(("store", "" if self.store is None else str(self.store)))
        return in_words(title, rows)

    def __repr__(self) -> str:
        return in_one_line(self)

    def spectrum(self) -> tuple[FloatArray, FloatArray]:
        """Return wavenumbers and the energy in the shell around each at the end; the sum is the energy."""
        return invariants.spectrum(self.field_hat, self.grid)

    def plot(self, *, at: float | None = None, ax: Axes | None = None) -> Axes:
        """Draw vorticity and velocity; in space, those in the middle plane of the last axis.

        Parameters
        ----------
        at : float, optional
            One of the times that were saved; by default the end.
        ax : matplotlib.axes.Axes, optional
            Where to draw.

        Raises
        ------
        ValueError
            If nothing was saved at that time.
        """
        from eulerot import plotting

        return plotting.field(*self._section(at), sides=self.grid.sides, ax=ax)

    def animate(self, path: str | os.PathLike[str], *, dpi: int = 90, progress: bool = False) -> None:
        """Write a GIF of the vorticity at the times that were saved, with the particles in the plane.

        In space, of that across the middle plane of the last axis. One scale of colours serves all times, and a
        particle keeps the colour of its start.

        Parameters
        ----------
        path : path-like
            The file to write, all of it or nothing.
        dpi : int
            Resolution; the picture is 5.6 by 4.8 inches.
        progress : bool
            Whether to show a progress bar.

        Raises
        ------
        ValueError
            If fewer than two times were saved.
        ImportError
            If matplotlib is missing.

        Examples
        --------
        >>> solution.animate("layers.gif")  # doctest: +SKIP
        """
        from eulerot import plotting

        plotting.require()
        times = [] if self.saved is None else self.saved.times.tolist()
        if self.saved is None or len(times) < 2:
            raise ValueError(
                f"path: expected a solution that was saved at two times at least; got {len(times)}. Pass save_at to "
                "solve_euler."
            )
        fields = [self._section(time)[0] for time in times]
        bound = max(float(np.abs(each).max()) for each in fields)
        points = self.saved.positions if self.grid.dim == 2 else None
        tracks = None if points is None else (points[n] for n in range(len(times)))
        plotting.film(
            path, fields, times, sides=self.grid.sides, bound=bound, positions=tracks, dpi=dpi, progress=progress
        )

    def _section(self, at: float | None) -> tuple[FloatArray, FloatArray]:
        """Return the vorticity and the velocity to draw at a time that was saved, or at the end."""
        equation = equation_of(self.grid)
        if at is None:
            return equation.section(self.field_hat)
        times = np.zeros(0) if self.saved is None else self.saved.times
        found = np.flatnonzero(times == checked_number("at", at))
        if self.saved is None or len(found) == 0:
            raise ValueError(
                f"at: expected one of the times that were saved, {shown(times.tolist())}, or None for the end; got "
                f"{at:g}. Nothing is interpolated: pass it in save_at."
            )
        return equation.section(coefficients_of(equation, self.saved.fields[int(found[0])], self.quantity))

    def to_xarray(self) -> xarray.Dataset:
        """Return the solution at the times that were saved, or else at its end, as a data set of xarray.

        It holds the field, by the name of its quantity, the particles as ``position``, and the invariants, with the
        coordinates of the grid, and units in terms of the length and the time in which grid and field were given.

        Raises
        ------
        ImportError
            If xarray is missing.

        Examples
        --------
        >>> from eulerot import Grid, solve_euler
        >>> grid = Grid((16, 16))
        >>> solution = solve_euler(np.cos(grid.mesh()[0]), grid, time=1.0, save_at=[0.0, 0.5, 1.0])
        >>> data = solution.to_xarray()
        >>> data.vorticity.dims, data.energy.sel(time=0.5).item()
        (('time', 'x', 'y'), 0.25)
        """
        if self.saved is None:
            indices, fields = np.array([len(self.times) - 1]), self.field[None]
            positions = None if self.positions is None else self.positions[None]
        else:
            indices, fields, positions = self.saved.indices, self.saved.fields, self.saved.positions
        measures = {name: each[indices] for name in MEASURES if (each := getattr(self, name)) is not None}
        return dataset(self.grid, self.quantity, self.times[indices], fields, positions, measures)


def _kept(values: FloatArray) -> str:
    """Return an invariant at the start, and its largest relative change, in words."""
    start = float(values[0])
    change = float(np.abs(values - start).max()) / abs(start) if start else 0.0
    return f"{start:.8g}, kept to {change:.1e}"
