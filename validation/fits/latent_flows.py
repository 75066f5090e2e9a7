"""Compare what is saved on flows of latents of images, in ten dimensions, with what a neural dual shows can be saved.

    pip install ".[peers]"
    python validation/fits/latent_flows.py china --methods enot bound geodesics conditional few few-conditional

The flows are neural splines that `validation/zoo/train.py` trained by maximum likelihood on latents of images of
scikit-learn's: `china` and `flower`, patches of its photographs, `components`, the principal components of its digits
(all in `validation/zoo/weights`), and `digits`, which ships with the package. Nobody knows their Monge maps.

`enot` trains OTT's expectile-regularised neural dual with its defaults, from independent samples of both sides, and
prints the cost of its map with the sliced W2^2 of its push-forward from fresh data over that of two samples of data: a
map whose push-forward is wrong may cost less than the least cost. What it saves of the flow's cost is what can be
saved, if its push-forward is right. `bound` is the dual bound (24) of the aligned pairs. The others fit: `geodesics`
and `conditional` by `eulerot.rearrange`, which draws as many pairs as it likes, `few` and `few-conditional` by
`eulerot.fit` to 8192 independent pairs. All costs are those of the same 16,384 fresh pairs.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import ot
from peers import Map, enot

import eulerot
from eulerot.flows import zoo
from eulerot.shooting.alignment import orientation, procrustes_rotation

WEIGHTS = Path(__file__).parents[1] / "zoo" / "weights"
FRESH, FEW, DRAWN = 16_384, 8192, 2**17
FloatArray = np.ndarray


def load(name: str) -> zoo.SplineFlow:
    """Return a flow by its name."""
    if name == "digits":
        return zoo.load(name)
    with (WEIGHTS / f"{name}.npz").open("rb") as file:
        return zoo.read(file, name)


def cost(y: FloatArray, x: FloatArray) -> tuple[float, float]:
    """Return the mean of ``|x - y|^2`` and its standard error."""
    squares = np.sum((x - y) ** 2, axis=1)
    return float(squares.mean()), float(squares.std() / np.sqrt(len(squares)))


def neural_dual(flow: zoo.SplineFlow) -> Map:
    """Return the map of the neural dual of latents and data that are drawn for themselves."""
    z, apart = (np.random.default_rng(seed).standard_normal((DRAWN, flow.dim)) for seed in (5, 6))
    return enot(z, flow.forward(apart), flow)


def pushed_forward(moved: FloatArray, x: FloatArray, other: FloatArray) -> float:
    """Return the sliced W2^2 of moved latents from data, over that of two samples of data."""
    apart, noise = (ot.sliced_wasserstein_distance(y, x, n_projections=500, seed=0) ** 2 for y in (moved, other))
    return float(apart / noise)


def fitted(flow: zoo.SplineFlow, method: str) -> tuple[eulerot.Rearrangement, eulerot.FitResult]:
    """Return the map that a method finds, and how its fit went."""
    conditional = "conditional" in method
    if method.startswith("few"):
        z = np.random.default_rng(3).standard_normal((FEW, flow.dim))
        result = eulerot.fit(z, flow.forward(z), conditional=conditional)
    else:
        result = eulerot.rearrange(flow, conditional=conditional).fit
    return result.rearrangement, result


def main() -> None:
    """Print a line for each method."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("flow", choices=("china", "components", "digits", "flower"))
    methods = ("enot", "bound", "geodesics", "conditional", "few", "few-conditional")
    parser.add_argument("--methods", nargs="+", default=methods, choices=methods)
    arguments = parser.parse_args()
    flow, rng = load(arguments.flow), np.random.default_rng(2026)
    z, other = rng.standard_normal((2, FRESH, flow.dim))
    x, others = flow.forward(z), flow.forward(other)
    print(f"{flow.name}: cost {cost(z, x)[0]:.3f} +- {cost(z, x)[1]:.3f}", flush=True)
    for method in arguments.methods:
        begun = time.perf_counter()
        if method == "bound":
            print(f"bound: {eulerot.dual_bound(*_aligned(flow, z, x)).in_words}", flush=True)
            continue
        if method == "enot":
            y, result = neural_dual(flow)(z), None
            mean, error = cost(z, y)  # latents to where they are moved: these are no pairs
            words = f"push-forward {pushed_forward(y, x, others):.2f}"
        else:
            s, result = fitted(flow, method)
            y = s.forward(z)
            mean, error = cost(y, x)
            bound = eulerot.dual_bound(y, x)
            words = f"bound {bound.in_words}, {len(s.geodesics)} geodesics, {s.conditional_planes} conditional planes"
        seconds = result.seconds if result else time.perf_counter() - begun
        print(f"{method}: cost {mean:.4f} +- {error:.4f}, {seconds:.0f} s, {words}", flush=True)


def _aligned(flow: zoo.SplineFlow, z: FloatArray, x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return pairs after the best rotation, by other pairs."""
    latents = np.random.default_rng(4).standard_normal((FRESH, flow.dim))
    data = flow.forward(latents)
    y = z @ procrustes_rotation(latents, data, sign=orientation(latents, data)).T
    print(f"aligned: cost {cost(y, x)[0]:.4f}", flush=True)
    return y, x


if __name__ == "__main__":
    main()
