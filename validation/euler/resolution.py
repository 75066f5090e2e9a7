"""Measure how far a field is off when its spectrum's tail crosses a limit: what `tail_limit` of `solve_euler` means.

    python validation/euler/resolution.py     # ten minutes

Every flow is solved on coarse grids and on a fine one, whose field counts as exact. The table has the relative error of
the vorticity, root mean square over the points of the coarse grid, at the first sample whose tail exceeds each limit.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from initial_fields import four_modes, shear_layer, taylor_green_vorticity

import eulerot

LIMITS = (1e-4, 1e-3, 1e-2, 1e-1)
SQUARE = {"lengths": (1.0, 1.0)}


def sampled(start: Callable, grid: eulerot.Grid, times: np.ndarray) -> tuple[list[np.ndarray], list[float]]:
    """Return the vorticity and the tail of its spectrum at ascending times."""
    field, fields, tails, now = start(grid), [], [], 0.0
    for time in times:
        solution = eulerot.solve_euler(field, grid, time=time - now, quantity="vorticity", tail_limit=None, threads=2)
        field, now = solution.field, time
        fields.append(field)
        tails.append(float(solution.tail[-1]))
    return fields, tails


def report(name: str, start: Callable, sizes: tuple[int, ...], fine: int, times: np.ndarray, options: dict) -> None:
    """Print a flow's error at the first sample whose tail exceeds each limit."""
    dim = 3 if start is taylor_green_vorticity else 2
    exact, tails = sampled(start, eulerot.Grid((fine,) * dim, **options), times)
    print(f"| {name} | {fine} | the reference | {times[-1]:.2f} | {tails[-1]:.1e} | |")
    for n in sizes:
        fields, tails = sampled(start, eulerot.Grid((n,) * dim, **options), times)
        thinned = [field[(..., *(slice(None, None, fine // n),) * dim)] for field in exact]
        errors = [np.linalg.norm(a - b) / np.linalg.norm(b) for a, b in zip(fields, thinned, strict=True)]
        for limit in LIMITS:
            over = next((i for i, tail in enumerate(tails) if tail > limit), None)
            if over is not None:
                print(f"| {name} | {n} | {limit:g} | {times[over]:.2f} | {tails[over]:.1e} | {errors[over]:.1e} |")


def main() -> None:
    """Print the table in Markdown."""
    print("| flow | points an axis | limit | time | tail | error |\n|---|---|---|---|---|---|")
    sizes = (64, 128, 256)
    report("four modes", four_modes, sizes, 512, np.arange(1.0, 10.01, 0.25), {})
    report("shear layer, rho = 30", lambda g: shear_layer(g, 30.0), sizes, 512, np.arange(0.05, 1.21, 0.05), SQUARE)
    report("shear layer, rho = 100", lambda g: shear_layer(g, 100.0), sizes, 1024, np.arange(0.04, 0.81, 0.04), SQUARE)
    report("Taylor-Green", taylor_green_vorticity, (32, 64), 128, np.arange(0.25, 3.01, 0.25), {})


if __name__ == "__main__":
    main()
