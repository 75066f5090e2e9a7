"""Hold the Euler solver against values from elsewhere, where a test would take too long, and print claims and results.

    python validation/euler/cases.py          # two minutes

The initial fields are in `initial_fields.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from initial_fields import chaplygin_dipole, four_modes, shear_layer, taylor_green

import eulerot

THREADS = 2
TESTS = Path(__file__).parents[2] / "tests"


def row(claim: str, expected: str, tolerance: float, error: float, result: str) -> None:
    """Print one claim, and whether it holds."""
    verdict = "" if error <= tolerance else " **fails**"
    print(f"| {claim} | {expected} | {tolerance:.0e} | {result}{verdict} |", flush=True)


def four_mode_flow() -> None:
    """Check that the energy stays, and the error of fifty steps of 0.005 at 256^2."""
    grid = eulerot.Grid((256, 256))
    coarse, fine = [eulerot.solve_euler(four_modes(grid), grid, time=0.25, steps=n, threads=THREADS) for n in (50, 200)]
    drift = float(np.abs(coarse.energy / coarse.energy[0] - 1).max())
    row("Four-mode flow, 256^2, 50 steps of 0.005: energy stays", "0.52361111", 1e-13, drift, f"{drift:.1e}")
    error = float(np.abs(coarse.field - fine.field).max() / np.abs(fine.field).max())
    row("... error against a quarter of the step", "4e-11", 5e-11, error, f"{error:.1e}")


def taylor_green_vortex() -> None:
    """Check the enstrophy of the inviscid vortex; the box of n points keeps the modes of the torus of 2 n."""
    known = {1.0: 0.4169088276, 1.5: 0.476855}
    for grid in (eulerot.Grid((64,) * 3), eulerot.Grid((80,) * 3), eulerot.Grid((40,) * 3, "cube")):
        solution = eulerot.solve_euler(taylor_green(grid), grid, time=1.5, steps=300, threads=THREADS)
        where = f"{grid.domain} {grid.points[0]}^3"
        for time, tolerance in ((1.0, 1e-9), (1.5, 1e-6)):
            value = float(solution.enstrophy[np.searchsorted(solution.times, time - 1e-9)])
            claim = f"Taylor-Green, {where}: Z({time})"
            row(claim, f"{known[time]}", tolerance, abs(value - known[time]), f"{value:.10f}")
    drift = float(np.abs(solution.energy / solution.energy[0] - 1).max())
    row("... its energy stays to t = 1.5", "0.125", 1e-10, drift, f"{drift:.1e}")


def viscous_taylor_green() -> None:
    """Hold the tests' naive reference against spectralDNS; the package itself has no viscosity."""
    sys.path.insert(0, str(TESTS))
    import reference_solver_space as reference

    x, y, z = np.meshgrid(*[2 * np.pi * np.arange(32) / 32] * 3, indexing="ij")
    start = np.stack([np.sin(x) * np.cos(y) * np.cos(z), -np.cos(x) * np.sin(y) * np.cos(z), np.zeros_like(x)])
    end = reference.solve(reference.coefficients(start, (10, 10, 10)), time=0.1, steps=10, viscosity=6.25e-4)
    for name, known, value, tolerance in (
        ("energy", 0.124953117517, reference.energy(end), 1e-11),
        ("enstrophy", 0.375249930801, reference.enstrophy(end), 5e-8),  # seven digits, as spectralDNS's own test
    ):
        claim = f"The tests' naive reference, viscous Taylor-Green, 32^3, nu = 6.25e-4, t = 0.1: {name}"
        row(claim, f"{known} (spectralDNS)", tolerance, abs(value - known), f"{value:.12f}")


def lamb_chaplygin() -> None:
    """Check the speed of a dipole of radius R on a torus of period L, whose images hold it back by pi (R / L)^2."""
    side, speed = 2 * np.pi, 1.0
    for n, parts in ((256, 20), (512, 20), (512, 40)):
        grid, radius = eulerot.Grid((n, n)), side / parts
        start = chaplygin_dipole(grid, speed, radius, (0.3 * side, 0.5 * side))
        places, field, times = [], start, np.linspace(0.0, 4 * radius, 9)
        for before, after in zip([0.0, *times[:-1]], times, strict=True):
            if after > before:
                field = eulerot.solve_euler(field, grid, time=after - before, tail_limit=None, threads=THREADS).field
            squares = field**2
            places.append(np.sum(squares * grid.mesh()[0]) / np.sum(squares))
        measured = float(np.polyfit(times, places, 1)[0])
        expected = 1 - np.pi / parts**2
        claim = f"Lamb-Chaplygin dipole, {n}^2, R = L/{parts}, travels two diameters at U less what its images cost"
        row(claim, f"{expected:.4f} U", 2e-3, abs(measured - expected), f"{measured:.4f} U")


def double_shear_layer() -> None:
    """Check that the default limit of the tail lets the thick layer through, and the thin one not."""
    grid = eulerot.Grid((256, 256), lengths=(1.0, 1.0))
    solution = eulerot.solve_euler(shear_layer(grid, 30.0), grid, time=1.2, threads=THREADS)
    drift = float(abs(solution.energy[-1] / solution.energy[0] - 1))
    tail = float(solution.tail.max())
    row("Double shear layer, rho = 30, 256^2, t = 1.2: energy stays", "", 1e-5, drift, f"{drift:.1e}")
    row("... and its tail stays within the default limit", "0.01", 1e-2, tail, f"{tail:.1e}")
    grid = eulerot.Grid((128, 128), lengths=(1.0, 1.0))
    free = eulerot.solve_euler(shear_layer(grid, 100.0), grid, time=0.8, tail_limit=None, threads=THREADS)
    refused = float(free.times[np.argmax(free.tail > 1e-2)])
    row("Thin shear layer, rho = 100, 128^2: refused before t = 0.8", "", 0.8, refused, f"at t = {refused:.2f}")


def main() -> None:
    """Print the table in Markdown."""
    print("| claim | reference | tolerance | result |\n|---|---|---|---|")
    for case in (four_mode_flow, taylor_green_vortex, viscous_taylor_green, lamb_chaplygin, double_shear_layer):
        case()


if __name__ == "__main__":
    main()
