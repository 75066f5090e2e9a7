"""Latent axes before and after: what one coordinate of the latent space of the digits changes in the picture.

    python validation/disentangle.py          # prints the table, draws docs/images/disentangle.png

As Morel, Drumetz, Benaichouche, Courty and Rousseau (arXiv:2209.10873) show it: one coordinate at a time is moved from
the origin. A Monge map ``g`` has a symmetric Jacobian, so that the directions that data move in are, to first order,
those that latents move in; the flow's own latents are entangled by the rearrangement that its training left in them.
Measured at latents of the standard normal, by central differences:

    asymmetry      mean |Dg - Dg^T| / |Dg|, equation (17)
    off-diagonal   mean share of |Dg|^2 off the diagonal: how much moving a latent moves *other* data coordinates
    angle          mean angle between a latent axis and the direction in which the data follow it
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray

import eulerot

FloatArray = NDArray[np.float64]
FIGURE = Path(__file__).parents[1] / "docs" / "images" / "disentangle.png"
STEPS, AXES = np.linspace(-2, 2, 9), 6
GAP = ((0, 0), (1, 1), (1, 1))  # white between the pictures


def decoded(x: FloatArray) -> FloatArray:
    """Return the pictures of data, shape ``(n, 8, 8)``, by the decoder that `zoo/digits.py` trained."""
    with np.load(Path(__file__).with_name("zoo") / "decoder.npz") as arrays:
        hidden = x
        for depth in range(3):
            hidden = hidden @ arrays[f"weight_{depth}"].T.astype(float) + arrays[f"bias_{depth}"]
            if depth < 2:
                hidden = hidden / (1 + np.exp(-hidden))
    return hidden.reshape(-1, 8, 8)


def jacobians(g: Callable[[FloatArray], FloatArray], y: FloatArray, step: float = 1e-4) -> FloatArray:
    """Return ``Dg`` at each latent, shape ``(n, d, d)``: rows are data, columns are latents."""
    columns = [(g(y + step * axis) - g(y - step * axis)) / (2 * step) for axis in np.eye(y.shape[1])]
    return np.stack(columns, axis=2)


def measures(g: Callable[[FloatArray], FloatArray], y: FloatArray) -> tuple[float, float, float]:
    """Return asymmetry, off-diagonal share, and the mean angle in degrees."""
    matrices = jacobians(g, y)
    sizes = np.linalg.norm(matrices, axis=(1, 2))
    asymmetry = np.linalg.norm(matrices - np.swapaxes(matrices, 1, 2), axis=(1, 2)) / sizes
    diagonal = np.diagonal(matrices, axis1=1, axis2=2)
    off = 1 - np.sum(diagonal**2, axis=1) / sizes**2
    cosines = diagonal / np.linalg.norm(matrices, axis=1)
    return float(asymmetry.mean()), float(off.mean()), float(np.degrees(np.arccos(np.clip(cosines, -1, 1))).mean())


def drawn(maps: dict[str, Callable[[FloatArray], FloatArray]]) -> None:
    """Draw a row of pictures for each of the first axes, for each map."""
    figure, grids = plt.subplots(1, len(maps), figsize=(4.6 * len(maps), 3.0), layout="constrained")
    for ax, (title, g) in zip(grids, maps.items(), strict=True):
        rows = [np.hstack(np.pad(decoded(g(np.outer(STEPS, axis))), GAP)) for axis in np.eye(10)[:AXES]]
        ax.imshow(np.vstack(rows), cmap="gray_r", vmin=0, vmax=1)
        ax.set_xticks(10 * np.arange(len(STEPS))[::2] + 4.5, [f"{step:+.0f}" for step in STEPS[::2]])
        ax.set_yticks(10 * np.arange(AXES) + 4.5, [f"axis {axis}" for axis in range(AXES)])
        ax.set_title(title)
    FIGURE.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(FIGURE, dpi=110)


def main() -> None:
    """Fit, print the measures, and draw the pictures."""
    flow = eulerot.zoo.load("digits")
    z = eulerot.source.normal_points(8192, flow.dim)
    x = flow.forward(z)
    full = eulerot.RearrangedFlow(flow, eulerot.fit(z, x).rearrangement)
    rotated = eulerot.RearrangedFlow(flow, eulerot.Rearrangement(full.rearrangement.rotation))
    maps = {"the flow": flow.forward, "aligned": rotated.forward, "rearranged": full.forward}
    y = np.random.default_rng(2).standard_normal((500, flow.dim))
    print("| latents | asymmetry | off-diagonal | angle |\n|---|---|---|---|")
    for name, g in maps.items():
        asymmetry, off, angle = measures(g, y)
        print(f"| {name} | {asymmetry:.3f} | {off:.1%} | {angle:.1f} degrees |", flush=True)
    drawn(maps)


if __name__ == "__main__":
    main()
