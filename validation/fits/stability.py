"""Show that more modes, pairs or geodesics never make a map worse by more than noise, on draws of the pairs.

    python validation/fits/stability.py [PROBLEM ...] [--seeds 5] [--threads 1]

Everything but the one setting is the default of `eulerot.fit`, with 8192 independent pairs. Measured on 20,000 fresh
latents: on planted problems by the map itself, L2-UVP in per cent; on flows of the zoo by the cost of fresh pairs in
per cent of the flow's own, by equation (12') with one potential for all maps of a draw. A step is the change from one
value of a setting to the next larger one, the mean over the draws, over its standard error: the larger of that of the
latents and that between the draws. More is worse only where a step is well above two.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Iterator

import numpy as np
from measures import costs_by_pair, map_errors
from problems import PLANTED, FloatArray, PlantedFlow, planted_in

import eulerot
from eulerot.shooting.potential import regressed_potential

Measure = Callable[[eulerot.Rearrangement], FloatArray]

PROBLEMS = {**PLANTED, "3-D, 0": planted_in(3, 0), "10-D, 0": planted_in(10, 0)}
FRESH = 20_000


def settings(dim: int) -> dict[str, list[dict[str, int | None]]]:
    """Return the values of each setting, from less to more; 8192 pairs and None stand for the defaults."""
    modes = (16, None, 32) if dim <= 3 else (6, None, 14)
    return {
        "pairs": [{"pairs": n} for n in (2048, 8192, 32_768)],
        "modes": [{"modes": n} for n in modes],
        "geodesics": [{"geodesics": n} for n in (4, 8, 16, None)],
    }


def measure_planted(flow: PlantedFlow, seed: int) -> Measure:
    """Return the measure of a map as the L2-UVP of each fresh latent, whose mean is that of the map."""
    z = flow.latents(FRESH, seed=1000 + seed)
    truth = flow.monge.forward(z)

    def error(s: eulerot.Rearrangement) -> FloatArray:
        moved = flow.forward(s.inverse(z))
        return map_errors(moved, truth)

    return error


def measure_zoo(flow: object, seed: int) -> Measure:
    """Return the measure of a map as the cost of each fresh pair by (12'), in per cent of the mean of the flow's own.

    The potential is that of the first map that is measured.
    """
    z = np.random.default_rng(1000 + seed).standard_normal((FRESH, flow.dim))
    x = flow.forward(z)
    before, potential = np.mean(np.sum((x - z) ** 2, axis=1)), None

    def cost(s: eulerot.Rearrangement) -> FloatArray:
        nonlocal potential
        y = s.forward(z)
        potential = potential or regressed_potential(y, x)
        return 100 * costs_by_pair(y, x, potential) / before

    return cost


def measured(name: str, seed: int, threads: int) -> dict[tuple[str, int], FloatArray]:
    """Return the measures of all maps that are fitted to one draw of the pairs, by setting and place in its list."""
    flow = PROBLEMS.get(name) or eulerot.zoo.load(name)
    measure = (measure_planted if name in PROBLEMS else measure_zoo)(flow, seed)
    z = np.random.default_rng(seed).standard_normal((32_768, flow.dim))
    x, known, found = flow.forward(z), {}, {}
    for setting, values in settings(flow.dim).items():
        for place, value in enumerate(values):
            key = tuple(sorted((k, v) for k, v in value.items() if v not in (None, 8192)))
            if key not in known:
                options = dict(key)
                n = options.pop("pairs", 8192)
                known[key] = measure(eulerot.fit(z[:n], x[:n], seed=seed, threads=threads, **options).rearrangement)
            found[setting, place] = known[key]
    return found


def steps(draws: list[dict[tuple[str, int], FloatArray]], setting: str, places: range) -> Iterator[float]:
    """Yield the steps from each value of a setting to the next in units of their standard errors."""
    for less, more in itertools.pairwise(places):
        changes = [draw[setting, more] - draw[setting, less] for draw in draws]
        means = np.array([change.mean() for change in changes])
        of_latents = np.sqrt(sum(change.var() / len(change) for change in changes)) / len(draws)
        between = means.std(ddof=1) / np.sqrt(len(draws)) if len(draws) > 1 else 0.0
        # maps that are the same have no step
        yield float(means.mean() / max(of_latents, between, np.finfo(float).tiny))


def main() -> None:
    """Print a table in Markdown, one line for each problem and setting."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("problems", nargs="*", default=[*PROBLEMS, "checkerboard"], metavar="PROBLEM")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    print("| problem | setting | mean of the draws, less to more | each draw | steps, standard errors |")
    print("|---|---|---|---|---|", flush=True)
    for name in arguments.problems:
        draws = [measured(name, seed, arguments.threads) for seed in range(arguments.seeds)]
        dim = PROBLEMS[name].dim if name in PROBLEMS else eulerot.zoo.load(name).dim
        for setting, values in settings(dim).items():
            table = np.array([[draw[setting, place].mean() for place in range(len(values))] for draw in draws])
            labels = [str(*value.values()) if value[setting] else "default" for value in values]
            means = ", ".join(f"{label}: {mean:.3f}" for label, mean in zip(labels, table.mean(axis=0), strict=True))
            each = "; ".join(" ".join(f"{error:.3f}" for error in column) for column in table.T)
            changes = ", ".join(f"{step:+.1f}" for step in steps(draws, setting, range(len(values))))
            print(f"| {name} | {setting} | {means} | {each} | {changes} |", flush=True)


if __name__ == "__main__":
    main()
