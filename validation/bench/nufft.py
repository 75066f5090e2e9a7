"""Direct trigonometric sums against a non-uniform FFT (finufft, type 2) for the velocity at particles: the cross-over.

Both components come from one complex transform, of ``u + i v``, which is the best that a NUFFT can do here; its points
are set anew at each call, because particles move between stages. Tolerances are finufft's; the error is measured.
"""

from __future__ import annotations

import argparse

import finufft
import numpy as np
from timing import alternate, median

from eulerot.euler.equations import VorticityEquation
from eulerot.euler.grid import Grid
from eulerot.euler.integrators import Tableau
from eulerot.euler.particles import Transport, basis_coefficients, to_wall_distances

SIZES = (8, 12, 16, 24, 32, 48, 64, 96)
# one evaluation of the velocity is the slope of one step of Euler's scheme
_ONE_STAGE = Tableau("Euler", a=np.zeros((1, 1)), b=np.ones(1), order=1, stability=1.0)


class Direct:
    """A step of Euler's scheme by the package's sums."""

    def __init__(self, grid: Grid, psi_hat: np.ndarray, positions: np.ndarray, threads: int) -> None:
        self._walls = grid.walls
        self._start = to_wall_distances(positions) if grid.walls else positions
        psi = basis_coefficients(psi_hat[None, None], grid)
        self._transport = Transport(grid, psi, 1.0, _ONE_STAGE, threads)

    def __call__(self) -> np.ndarray:
        """Return positions plus velocity, as signed wall distances in the box."""
        return self._transport.advance(self._start)

    def velocity(self) -> np.ndarray:
        """Return the velocity."""
        return self() - self._start


class Nonuniform:
    """The same velocity from one complex type-2 transform."""

    def __init__(self, grid: Grid, psi_hat: np.ndarray, positions: np.ndarray, tolerance: float, threads: int) -> None:
        top = grid.modes[0]
        k = np.arange(-top, top + 1)
        if grid.walls:  # sin k sin l over the four quadrants
            psi = np.zeros((2 * top + 1,) * 2, dtype=complex)
            quarter = np.pad(psi_hat, ((1, 0), (1, 0)))
            psi[:] = -0.25 * quarter[np.abs(k)[:, None], np.abs(k)] * np.sign(k)[:, None] * np.sign(k)
        else:
            half = np.roll(psi_hat, top, axis=0)  # rows by ascending k
            psi = np.concatenate([np.conj(half[::-1, :0:-1]), half], axis=1)
        u_hat, v_hat = 1j * k * psi, -1j * k[:, None] * psi
        self._coefficients = np.ascontiguousarray(u_hat + 1j * v_hat)
        self._x, self._y = np.ascontiguousarray(positions.T)
        self._plan = finufft.Plan(2, psi.shape, eps=tolerance, isign=1, nthreads=threads)

    def __call__(self) -> np.ndarray:
        """Return ``u + i v``."""
        self._plan.setpts(self._x, self._y)
        return self._plan.execute(self._coefficients)

    def velocity(self) -> np.ndarray:
        """Return the velocity."""
        both = self()
        return np.stack([both.real, both.imag], axis=1)


def main() -> None:
    """Print the table: milliseconds an evaluation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--domain", choices=("torus", "cube"), default="cube")
    parser.add_argument("--particles", type=int, default=50_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    print(f"{arguments.domain}, {arguments.particles} particles, {arguments.threads} thread(s)\n")
    print("| K | direct, ms | NUFFT 1e-10, ms | NUFFT 1e-13, ms | errors |\n|---|---|---|---|---|")
    for modes in SIZES:
        grid, rng = Grid.from_modes(modes, domain=arguments.domain), np.random.default_rng(modes)
        positions = rng.uniform(0, grid.length, (arguments.particles, 2))
        equation = VorticityEquation(grid)
        vorticity = equation.transforms.forward(rng.standard_normal(grid.points))
        psi_hat = equation.streamfunction(vorticity) * grid.inverse_laplacian
        calls: dict[str, Direct | Nonuniform] = {"direct": Direct(grid, psi_hat, positions, arguments.threads)}
        for tolerance in (1e-10, 1e-13):
            calls[f"{tolerance:g}"] = Nonuniform(grid, psi_hat, positions, tolerance, arguments.threads)
        exact = calls["direct"].velocity()
        size = np.abs(exact).max()
        errors = [np.abs(calls[name].velocity() - exact).max() / size for name in list(calls)[1:]]
        times = alternate(calls, rounds=arguments.rounds)
        cells = " | ".join(f"{median(times, name):.2f}" for name in calls)
        print(f"| {grid.modes[0]} | {cells} | {errors[0]:.0e}, {errors[1]:.0e} |", flush=True)


if __name__ == "__main__":
    main()
