"""How far a field is off when its spectrum's tail crosses a limit: what `tail_limit` of `solve_euler` stands for.

Every flow is run on coarse grids and on a fine one, whose field counts as exact. Printed is the relative error of the
vorticity, root mean square over the points of the coarse grid, at the first time when the tail exceeds each limit.
"""

from __future__ import annotations

import numpy as np

import eulerot

LIMITS = (1e-4, 1e-3, 1e-2, 1e-1)


def shear_layer(grid: eulerot.Grid, rho: float) -> np.ndarray:
    """Return the vorticity of the double shear layer on the unit square (Bell, Colella, Glaz 1989)."""
    x, y = grid.mesh()
    lower = y <= 0.5
    layers = rho / np.cosh(rho * np.where(lower, y - 0.25, 0.75 - y)) ** 2
    return 2 * np.pi * 0.05 * np.cos(2 * np.pi * x) - np.where(lower, layers, -layers)


def four_modes(grid: eulerot.Grid) -> np.ndarray:
    """Return the vorticity of the four-mode flow."""
    x, y = grid.mesh()
    return np.cos(x) + np.cos(y) + 0.6 * np.cos(2 * x) + 0.2 * np.cos(3 * x)


def taylor_green(grid: eulerot.Grid) -> np.ndarray:
    """Return the velocity of the Taylor-Green vortex, which a box of side pi holds as well as the torus."""
    x, y, z = grid.mesh()
    return np.stack([np.sin(x) * np.cos(y) * np.cos(z), -np.cos(x) * np.sin(y) * np.cos(z), np.zeros_like(x)])


def run(field: np.ndarray, grid: eulerot.Grid, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the vorticity at ascending times, and the tail."""
    fields, tails, now = [], [], 0.0
    for time in times:
        solution = eulerot.solve_euler(field, grid, time=time - now, tail_limit=None, threads=2)
        field, now = solution.field, time
        fields.append(field)
        tails.append(solution.tail[-1])
    return np.array(fields), np.array(tails)


def report(name: str, coarse: tuple, fine: tuple, stride: int, times: np.ndarray) -> None:
    """Print a flow's error at the first time when the tail exceeds each limit."""
    (fields, tails), (exact, _) = coarse, fine
    axes = tuple(range(1, fields.ndim))
    step = (slice(None),) * (fields.ndim - len(axes) + 1 if fields.ndim == 3 else 2)
    exact = exact[(*step, *(slice(None, None, stride),) * (exact.ndim - len(step)))]
    errors = np.sqrt(np.mean((fields - exact) ** 2, axis=axes) / np.mean(exact**2, axis=axes))
    for limit in LIMITS:
        over = np.flatnonzero(tails > limit)
        if len(over):
            i = over[0]
            before = f"{tails[i - 1]:.1e}, {errors[i - 1]:.1e}" if i else "-"
            print(f"| {name} | {limit:g} | {times[i]:.2f} | {tails[i]:.1e} | {errors[i]:.1e} | {before} |", flush=True)
        else:
            print(f"| {name} | {limit:g} | never | {tails[-1]:.1e} | {errors[-1]:.1e} | |", flush=True)


def main() -> None:
    """Print the table."""
    print("| flow | limit | time of crossing | tail | error | tail, error one sample earlier |\n|---|---|---|---|---|---|")
    planes = [
        ("shear layer rho = 30", lambda g: shear_layer(g, 30.0), {"lengths": (1.0, 1.0)}, np.arange(0.05, 1.201, 0.05)),
        ("shear layer rho = 100", lambda g: shear_layer(g, 100.0), {"lengths": (1.0, 1.0)}, np.arange(0.04, 0.81, 0.04)),
        ("four modes", four_modes, {}, np.arange(0.5, 12.01, 0.5)),
    ]
    for name, start, options, times in planes:
        fine_points = 1024 if "100" in name else 512
        fine_grid = eulerot.Grid((fine_points,) * 2, **options)
        fine = run(start(fine_grid), fine_grid, times)
        print(f"<!-- {name}: tail of the fine run {fine[1][-1]:.1e} -->")
        for n in (64, 128, 256):
            grid = eulerot.Grid((n, n), **options)
            report(f"{name}, {n}^2", run(start(grid), grid, times), fine, fine_points // n, times)


if __name__ == "__main__":
    main()
