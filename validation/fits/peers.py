"""Compare the map itself with those of peers, on planted problems whose Monge map is known.

    pip install ".[peers]"
    python validation/fits/peers.py [PROBLEM ...] [--methods eulerot affine plan ...] [--pairs 8192] [--seed 0]

Everyone gets the same independent samples: latents, and as data their images under the planted flow. Measured on 20,000
latents that nobody has seen, with `M` the Monge map and `g` the one that was found,

    L2-UVP = 100 E|g(z) - M(z)|^2 / Var M(z)    (Korotin et al., arXiv:2106.01954),

its standard error, its median over latents, the share of it that sits in the outer 5 % of latents, and the sliced W2^2
of the push-forward from fresh data over that of two samples of data, which is 1 where the density is kept.

`eulerot` is `eulerot.fit` with its defaults; `one` the same with a single geodesic; `affine` the affine map of
Gaussians; `plan` POT's exact plan with its out-of-sample rule; `entropic` OTT's map from Sinkhorn's potentials, the
better of two regularisations after 100 iterations; `enot` OTT's expectile-regularised neural dual with its defaults,
20,000 iterations, on batches of 1024.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import ot
from measures import map_errors
from problems import PLANTED, FloatArray, PlantedFlow, planted_in

import eulerot

Map = Callable[[FloatArray], FloatArray]

PROBLEMS = {
    **PLANTED,
    **{f"{dim}-D, {seed}": planted_in(dim, seed) for dim in (2, 3, 10) for seed in (0, 1)},
}
# Rows on which Sinkhorn's iterations run, and of which POT's plan is computed: their time and memory are quadratic.
# Regularisations, in units of the mean cost, and iterations
_QUADRATIC = 8192
_EPSILONS, _SINKHORN = (0.01, 0.03), 100
_BATCH = 1024


def rearranged(z: FloatArray, x: FloatArray, flow: PlantedFlow, **options: object) -> Map:
    """Return the flow after the inverse of the rearrangement that `eulerot.fit` finds."""
    s = eulerot.fit(z, x, **options).rearrangement
    return lambda latents: flow.forward(s.inverse(latents))


def affine(z: FloatArray, x: FloatArray, flow: PlantedFlow) -> Map:
    """Return the Monge map between Gaussians of the samples' moments."""
    matrix, shift = ot.gaussian.empirical_bures_wasserstein_mapping(z, x, reg=1e-9)
    return lambda latents: latents @ matrix + shift


def plan(z: FloatArray, x: FloatArray, flow: PlantedFlow) -> Map:
    """Return POT's exact plan of the samples, beyond them by its own rule."""
    transport = ot.da.EMDTransport(max_iter=10**7).fit(Xs=z[:_QUADRATIC], Xt=x[:_QUADRATIC])
    return lambda latents: transport.transform(Xs=latents, batch_size=1024)


def entropic(z: FloatArray, x: FloatArray, flow: PlantedFlow) -> Map:
    """Return OTT's entropic map; the truth chooses the regularisation, which no user could."""
    import jax
    import jax.numpy as jnp
    from ott.geometry import pointcloud
    from ott.solvers import linear

    points, images = jnp.asarray(z[:_QUADRATIC]), jnp.asarray(x[:_QUADRATIC])
    probe = np.random.default_rng(7).standard_normal((2000, flow.dim))

    def by(epsilon: float) -> Map:
        cloud = pointcloud.PointCloud(points, images, epsilon=epsilon, relative_epsilon="mean")
        potentials = jax.jit(partial(linear.solve, max_iterations=_SINKHORN))(cloud).to_dual_potentials()

        def moved(latents: FloatArray) -> FloatArray:
            rows = [np.asarray(potentials.transport(jnp.asarray(part))) for part in np.array_split(latents, 20)]
            return np.concatenate(rows).astype(float)

        return moved

    def error(found: Map) -> float:
        return float(np.mean((found(probe) - flow.monge.forward(probe)) ** 2))

    return min((by(epsilon) for epsilon in _EPSILONS), key=error)


def enot(z: FloatArray, x: FloatArray, flow: PlantedFlow) -> Map:
    """Return OTT's expectile-regularised neural dual, as its documentation trains it."""
    import jax.numpy as jnp
    from ott.neural.methods.expectile_neural_dual import ExpectileNeuralDual

    def batches(rows: FloatArray, seed: int) -> Iterator[object]:
        rng = np.random.default_rng(seed)
        while True:
            yield jnp.asarray(rows[rng.integers(len(rows), size=_BATCH)])

    solver = ExpectileNeuralDual(z.shape[1])
    potentials = solver(batches(z, 0), batches(x, 1), batches(z, 2), batches(x, 3))
    return lambda latents: np.asarray(potentials.transport(jnp.asarray(latents)), dtype=float)


METHODS: dict[str, Callable[[FloatArray, FloatArray, PlantedFlow], Map]] = {
    "eulerot": rearranged,
    "one": lambda z, x, flow: rearranged(z, x, flow, geodesics=1),
    "affine": affine,
    "plan": plan,
    "entropic": entropic,
    "enot": enot,
}


def measured(found: Map, flow: PlantedFlow, seed: int) -> tuple[list[str], float]:
    """Return the measures of a map as cells of a table, and how many samples it moves a second."""
    z = np.random.default_rng(1000 + seed).standard_normal((20_000, flow.dim))
    begun = time.perf_counter()
    moved = found(z)
    speed = len(z) / (time.perf_counter() - begun)
    truth = flow.monge.forward(z)
    error = map_errors(moved, truth)
    outer = np.sum(z**2, axis=1) >= np.quantile(np.sum(z**2, axis=1), 0.95)
    fresh, other = (flow.monge.forward(np.random.default_rng(k + seed).standard_normal(z.shape)) for k in (2000, 3000))
    apart, noise = (ot.sliced_wasserstein_distance(y, fresh, n_projections=200, seed=0) ** 2 for y in (moved, other))
    standard = error.std() / np.sqrt(len(error))
    share = error[outer].sum() / error.sum()
    cells = [f"{error.mean():.3f} ± {standard:.3f}", f"{np.median(error):.4f}", f"{share:.0%}", f"{apart / noise:.1f}"]
    return cells, speed


def main() -> None:
    """Print a table in Markdown, one line for each problem and method."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("problems", nargs="*", default=list(PROBLEMS), metavar="PROBLEM")
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--pairs", type=int, default=8192)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    print("| problem | method | pairs | L2-UVP, % | median | outer 5 % | push-forward | fit | samples a second |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    for name in arguments.problems:
        flow = PROBLEMS[name]
        z = flow.latents(arguments.pairs, seed=arguments.seed)
        x = flow.forward(z)
        for method in arguments.methods:
            begun = time.perf_counter()
            found = METHODS[method](z, x, flow)
            seconds = time.perf_counter() - begun
            cells, speed = measured(found, flow, arguments.seed)
            print(
                "|",
                " | ".join([name, method, str(len(z)), *cells, f"{seconds:.1f} s", f"{speed:.1e}"]),
                "|",
                flush=True,
            )


if __name__ == "__main__":
    main()
