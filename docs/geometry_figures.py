"""Draw the figure of docs/geometry.md, and print its table of bounds.

python docs/geometry_figures.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import eulerot
from eulerot import plotting

IMAGES = Path(__file__).parent / "images"
REACH, MODES, HARMONICS = 6, (2, 3, 4, 5, 6, 7), 4


def curvatures() -> np.ndarray:
    """Return the curvature in planes of cos(x + 2y) and every wave cos(l . x) of few modes."""
    grid = eulerot.Grid.from_modes(2 * REACH, domain="torus")
    x, y = grid.mesh()
    values = np.zeros((2 * REACH + 1, 2 * REACH + 1))
    for i, j in np.ndindex(values.shape):
        k, l = i - REACH, j - REACH
        if (k, l) not in ((0, 0), (1, 2), (-1, -2)):
            values[i, j] = eulerot.sectional_curvature(np.cos(x + 2 * y), np.cos(k * x + l * y), grid)
    return values


def bounds() -> list[eulerot.ConjugatePoint]:
    """Return the bounds of the first conjugate point along -cos x cos 2y, for more and more modes."""
    found = []
    for modes in MODES:
        grid = eulerot.Grid((3 * modes + 1,) * 2)
        x, y = grid.mesh()
        point = eulerot.conjugate_time(-5 * np.cos(x) * np.cos(2 * y), grid, until=6.0, harmonics=HARMONICS)
        assert point is not None
        print(f"| {modes} | {point.lower:.4f} | {point.upper:.4f} |", flush=True)
        found.append(point)
    return found


def main() -> None:
    """Compute and draw both."""
    IMAGES.mkdir(exist_ok=True)
    with plotting.figure(IMAGES / "geometry.png", columns=2) as (planes, times):
        side = REACH + 0.5
        drawn = planes.imshow(curvatures().T, origin="lower", extent=(-side, side, -side, side), cmap="RdBu_r")
        largest = max(abs(each) for each in drawn.get_clim())
        drawn.set_clim(-largest, largest)
        planes.figure.colorbar(drawn, ax=planes, shrink=0.8)
        planes.set(title="curvature in planes of cos(x + 2y) and cos(l . x)", xlabel="$l_1$", ylabel="$l_2$")
        points = bounds()
        times.plot(MODES, [point.upper for point in points], "o-", label="there is one until (27)")
        times.plot(MODES, [point.lower for point in points], "s-", label="there is none before (21)")
        times.set(
            title="first conjugate time along -cos x cos 2y", xlabel="modes an axis", ylabel="time", ylim=(0, None)
        )
        times.legend(frameon=False)


if __name__ == "__main__":
    main()
