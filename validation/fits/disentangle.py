"""Measure and draw what one coordinate of the latent space of the digits changes, before and after a rearrangement.

    python validation/fits/disentangle.py          # prints the table, draws docs/images/disentangle.png

As Morel, Drumetz, Benaichouche, Courty and Rousseau (arXiv:2209.10873) show it: one coordinate at a time is moved from
the origin. A Monge map ``g`` has a symmetric Jacobian, so that the directions that data move in are, to first order,
those that latents move in; the flow's own latents are entangled by the rearrangement that its training left in them.
Three measures of asymmetry, all zero for a Monge map:

    pointwise   mean |Dg - Dg^T| / |Dg| at latents of the standard normal, by central differences, equation (17)
    mean        the same of ``E Dg = E[x y^T]`` (Stein): what is left at the scale of the whole distribution
    second      ``|T_ijk - T_jik| / |T|`` of ``T = E D^2 g = E[x_i (y_j y_k - delta_jk)]``: at half that scale

and the mean share of ``|Dg|^2`` off the diagonal: how much moving a latent moves *other* data coordinates. The means
are of 20,000 pairs, less what sampling adds to them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import eulerot
from eulerot.latent.source import normal_points

FloatArray = NDArray[np.float64]
FIGURE = Path(__file__).parents[2] / "docs" / "images" / "disentangle.png"
STEPS, AXES = np.linspace(-2, 2, 9), 6
GAP = ((0, 0), (1, 1), (1, 1))  # white between the pictures


def decoded(x: FloatArray) -> FloatArray:
    """Return the pictures of data, shape ``(n, 8, 8)``, by the decoder that `validation/zoo/digits.py` trained."""
    with np.load(Path(__file__).parents[1] / "zoo" / "decoder.npz") as arrays:
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


def pointwise(g: Callable[[FloatArray], FloatArray], y: FloatArray) -> tuple[float, float]:
    """Return the mean asymmetry of the Jacobians, and their mean share off the diagonal."""
    matrices = jacobians(g, y)
    sizes = np.linalg.norm(matrices, axis=(1, 2))
    asymmetry = np.linalg.norm(matrices - np.swapaxes(matrices, 1, 2), axis=(1, 2)) / sizes
    off = 1 - np.sum(np.diagonal(matrices, axis1=1, axis2=2) ** 2, axis=1) / sizes**2
    return float(asymmetry.mean()), float(off.mean())


def asymmetry_of_means(y: FloatArray, x: FloatArray) -> tuple[float, float]:
    """Return the asymmetry of the mean first and second derivatives, from pairs.

    Squares are products of the means over the two halves of the pairs, whose noise is independent.
    """
    halves = [slice(0, len(y) // 2), slice(len(y) // 2, None)]
    second = y[:, :, None] * y[:, None, :] - np.eye(y.shape[1])
    result = []
    for polynomials in (y, second):
        means = [np.einsum("ni,n...->i...", x[half], polynomials[half]) / len(x[half]) for half in halves]
        curls = [mean - np.swapaxes(mean, 0, 1) for mean in means]
        curl, size = np.sum(curls[0] * curls[1]), np.sum(means[0] * means[1])
        result.append(float(np.sqrt(max(curl, 0.0) / size)))
    return result[0], result[1]


def draw(maps: dict[str, Callable[[FloatArray], FloatArray]]) -> None:
    """Draw a row of pictures for each of the first axes, for each map."""
    from matplotlib import pyplot as plt

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
    z = normal_points(8192, flow.dim)
    x = flow.forward(z)
    full = eulerot.RearrangedFlow(flow, eulerot.fit(z, x).rearrangement)
    rotated = eulerot.RearrangedFlow(flow, eulerot.Rearrangement(full.rearrangement.rotation))
    maps = {"the flow": flow.forward, "aligned": rotated.forward, "rearranged": full.forward}
    latents = np.random.default_rng(2).standard_normal((20_000, flow.dim))
    data, few = flow.forward(latents), latents[:300]
    moved = {"the flow": latents, "aligned": rotated.rearrangement.forward(latents)}
    moved["rearranged"] = full.rearrangement.forward(latents)
    print("| latents | pointwise | mean | second | off the diagonal |\n|---|---|---|---|---|")
    for name, g in maps.items():
        asymmetry, off = pointwise(g, few)
        mean, second = asymmetry_of_means(moved[name], data)
        print(f"| {name} | {asymmetry:.3f} | {mean:.3f} | {second:.3f} | {off:.1%} |", flush=True)
    print(f"density error {np.abs(full.rearrangement.log_abs_det(latents[:1000])).max():.0e}")
    draw(maps)


if __name__ == "__main__":
    main()
