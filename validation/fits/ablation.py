"""Change one setting of the fit at a time, and measure the share closed on pairs that no fit has seen.

    python validation/fits/ablation.py [flows] [settings] [angles] [where] [figure] [--flow NAME] [--group GROUP]

Writes the tables and the figures of `docs/ablation.md`, or those that are asked for; a table is written row by row, and
rows that are made again replace the old ones. One geodesic, no alignment, K = 16, 8192 Sobol pairs, unless the row
says otherwise. See `Measure` for what closed means. What no option of a fit can change is changed by a patch.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from itertools import pairwise
from pathlib import Path
from unittest import mock

import numpy as np
from marked_tables import read_table, write_table
from measures import costs_by_pair
from scipy.optimize import OptimizeResult, minimize
from scipy.spatial.distance import cdist

import eulerot
from eulerot.latent.chart import to_box
from eulerot.latent.source import normal_points
from eulerot.shooting.continuation import Continuation
from eulerot.shooting.initial_guess import InitialGuess
from eulerot.shooting.parametrisation import Parametrisation
from eulerot.shooting.potential import Potential, half_square, regressed_potential
from eulerot.transport.report import transport_report

PAGE = Path(__file__).parents[2] / "docs" / "ablation.md"
IMAGES = PAGE.parent / "images"
COLUMNS = ("flow", "group", "setting", "closed", "cost", "excess", "weight", "evaluations")
FLOWS = ("pinwheel", "two_moons", "checkerboard", "eight_gaussians")
EVERY: dict[str, dict[str, dict]] = {
    "as it is": {"one geodesic": {}, "in the axes of the latent space": {"axes": 0.0}, "aligned": {"align": True}},
    "geodesics": {"2": {"geodesics": 2}},
}


def optimiser(**changed: float) -> dict:
    """Return options of L-BFGS in place of the fit's own."""
    return {"optimiser": changed}


def start(make: Callable[[InitialGuess, np.ndarray], np.ndarray]) -> dict:
    """Return options that start from other unknowns than those of the coarse fit."""
    return {"patches": [mock.patch.object(InitialGuess, "unknowns", make)]}


def at_rest(guess: InitialGuess, axes: np.ndarray) -> np.ndarray:
    """Return the unknowns of no motion."""
    return np.zeros(guess._objective(axes, guess.modes).size)


def at_random(guess: InitialGuess, axes: np.ndarray, *, seed: int) -> np.ndarray:
    """Return a smooth random field of kinetic energy 0.2, that of the maps which are sought."""
    objective = guess._objective(axes, guess.modes)
    theta = np.random.default_rng(seed).standard_normal(objective.size) / objective.grid.laplacian.ravel()
    return theta * math.sqrt(0.4 / float(theta @ theta))


palinstrophy = Parametrisation.stiffness


def enstrophy(parametrisation: Parametrisation) -> np.ndarray:
    """Return the weights of ``R = 1/2 mean |omega_0|^2``."""
    return np.sqrt(palinstrophy.__get__(parametrisation))


def no_control_variate(y: np.ndarray, x: np.ndarray, phases: np.ndarray) -> Potential:
    """Return the potential with which (12') is the cost itself."""
    return half_square(y.shape[1])


NORM = {"patches": [mock.patch.object(Parametrisation, "stiffness", property(enstrophy))]}
PLAIN_COST = partial(Continuation, potential=no_control_variate)
PLAIN = {"patches": [mock.patch("eulerot.shooting.fit.Continuation", PLAIN_COST)]}
REST = start(at_rest)
RANDOM = {f"random start, seed {i}": start(lambda c, axes, i=i: at_random(c, axes, seed=i)) for i in (1, 2)}
LONG = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7)
ONE: dict[str, dict[str, dict]] = {
    "as it is": {"one geodesic": {}}
    | {f"fitted to other pairs, seed {i}": {"seed": i} for i in (11, 12)}
    | {f"measured on other pairs, seed {i}": {"fresh": i} for i in (2, 3, 4, 5)},
    "modes": {str(k): {"modes": k} for k in (8, 12, 20, 24)},
    "geodesics": {str(m): {"geodesics": m} for m in (2, 3, 4)}
    | {f"{m}, aligned": {"geodesics": m, "align": True} for m in (1, 2, 3, 4)},
    "weight": {f"{w:.0e} alone": {"regularisation": w} for w in (1e-3, 1e-4, 1e-5, 1e-6)}
    | {"1e-02 .. 1e-07": {"regularisation": LONG}, "1e-02 .. 1e-07, from rest": {"regularisation": LONG, **REST}},
    "norm": {"enstrophy, 1e-2 .. 1e-4": {"regularisation": (1e-2, 1e-3, 1e-4), **NORM}},
    "steps": {str(n): {"steps": n} for n in (4, 16, 32)},
    "pairs": {str(n): {"n_pairs": n} for n in (512, 1024, 2048, 4096, 16384, 32768)},
    "independent": {str(n): {"n_pairs": n, "independent": True} for n in (512, 2048, 8192)},
    "held out": {f"{share:.0%}": {"held_out": share} for share in (0.05, 0.25, 0.5)},
    "control variate": {"none": PLAIN, "none, independent pairs": {"independent": True, **PLAIN}},
    "optimiser": {f"memory {m}": optimiser(maxcor=m) for m in (5, 10)}
    | {f"tolerance {t:.0e}": optimiser(ftol=t) for t in (1e-3, 1e-6, 1e-8)}
    | {f"at most {n} iterations": {"max_iterations": n} for n in (5, 10, 20)},
    "start": {"at rest": REST, **RANDOM},
    "axes": {f"{angle} degrees": {"axes": math.radians(angle)} for angle in (25, 35, 40, 45, 55)},
    "latent axes": {
        label: {"axes": 0.0, **options}
        for label, options in {
            "one geodesic": {},
            "24 modes": {"modes": 24},
            **RANDOM,
            "1e-02 .. 1e-07, from rest": {"regularisation": LONG, **REST},
            "enstrophy, 1e-2 .. 1e-4": {"regularisation": (1e-2, 1e-3, 1e-4), **NORM},
            "no control variate": PLAIN,
            "32768 pairs": {"n_pairs": 32768},
        }.items()
    },
}


def fitted(
    flow,
    *,
    n_pairs: int = 8192,
    independent: bool = False,
    seed: int = 0,
    optimiser: dict | None = None,
    patches: tuple | list = (),
    **options,
) -> tuple[eulerot.FitResult, int]:
    """Return a fit, and how often it evaluated (J, grad J), coarse fits aside."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((n_pairs, 2)) if independent else normal_points(n_pairs, 2, seed)
    evaluations = 0

    def counted(*args, callback: Callable | None, options: dict, **keywords) -> OptimizeResult:
        nonlocal evaluations
        if callback is None:  # a coarse fit
            return minimize(*args, options=options, **keywords)
        found = minimize(*args, callback=callback, options={**options, **(optimiser or {})}, **keywords)
        evaluations += found.nfev
        return found

    with ExitStack() as stack:
        for patch in (mock.patch("eulerot.shooting.journal.minimize", counted), *patches):
            stack.enter_context(patch)
        result = eulerot.fit(z, flow.forward(z), **{"align": False, "seed": seed, "tolerance": 1e-7} | options)
    return result, evaluations


class Measure:
    """Measures the share closed, on pairs that no fit has seen.

    One geodesic is measured by the exact optimum of 5000 pairs. What is between another rearrangement and this one is
    the difference of (12') on 20,000 more, which has the expectation of that of the costs and little of its noise;
    the potential is regressed from yet others.
    """

    def __init__(self, name: str, seed: int = 1) -> None:
        self.flow = eulerot.zoo.load(name)
        self.one = fitted(self.flow)
        self.before, self.after = self._excesses(seed)
        (z, x), (other, data) = (self._pairs(20_000, seed) for seed in (6, 7))
        self.latents, self.data = z, x
        self.potential = regressed_potential(self.one[0].rearrangement.forward(other), data)
        self._costs = self._each(self.one[0].rearrangement)

    def _pairs(self, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        z = np.random.default_rng(seed).standard_normal((n, 2))
        return z, self.flow.forward(z)

    def _excesses(self, seed: int) -> tuple[float, float]:
        z, x = self._pairs(5000, seed)
        return tuple(transport_report(y, x).excess for y in (z, self.one[0].rearrangement.forward(z)))

    def _each(self, rearrangement: eulerot.Rearrangement) -> np.ndarray:
        return costs_by_pair(rearrangement.forward(self.latents), self.data, self.potential)

    def cells(self, rearrangement: eulerot.Rearrangement) -> tuple[str, str, str]:
        """Return the share closed and its standard error against that of one geodesic, the cost and the excess."""
        costs = self._each(rearrangement)
        more = costs - self._costs
        excess, error = self.after + float(np.mean(more)), float(np.std(more)) / math.sqrt(len(more))
        closed = f"{1 - excess / self.before:.2%}" + (f" ± {error / self.before:.2%}" if error else "")
        return closed, f"{np.mean(costs):.4f}", f"{excess:.5f}"

    def sampled(self, seed: int) -> tuple[str, str, str]:
        """Return the share that one geodesic closes of the excess of other pairs."""
        before, after = self._excesses(seed)
        return f"{1 - after / before:.2%}", "", f"{after:.5f}"


def rows(name: str, groups: dict[str, dict[str, dict]]):
    """Yield the cells of the table, a setting a row."""
    measure = Measure(name)
    for group, settings in groups.items():
        for label, options in settings.items():
            result, evaluations = fitted(measure.flow, **options) if options and "fresh" not in options else measure.one
            cells = measure.sampled(options["fresh"]) if "fresh" in options else measure.cells(result.rearrangement)
            weight = min(result.history, key=lambda stage: stage.held_out_cost).regularisation
            yield (name, group, label, *cells, f"{weight:.0e}", str(evaluations))


def table_of(part: str) -> dict[tuple[str, ...], tuple[str, ...]]:
    """Return the rows of a table of the page, by flow, group and setting."""
    return {row[:3]: row for row in read_table(PAGE, part) if len(row) == len(COLUMNS)}


def put(part: str, groups: dict[str, dict[str, dict]], row: tuple[str, ...]) -> None:
    """Put a row into a table of the page, in the order of the script."""
    table = {**table_of(part), row[:3]: row}
    order = [(flow, group, label) for flow in FLOWS for group, settings in groups.items() for label in settings]
    write_table(PAGE, part, COLUMNS, [table[key] for key in order if key in table])


def slack(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the excess by pairs, ``|x_i - y_i|^2 - u_i - v_i`` with the dual potentials, which is never negative."""
    import ot

    weights, costs = np.full(len(y), 1.0 / len(y)), cdist(y, x, "sqeuclidean")
    _, log = ot.emd(weights, weights, costs, numItermax=10_000_000, log=True)
    return np.diag(costs) - log["u"] - log["v"]


def zones(y: np.ndarray, axes: np.ndarray) -> dict[str, np.ndarray]:
    """Return which rearranged latents lie in which part of the latent space, or of the box."""
    radius = np.linalg.norm(y, axis=1)
    edges = [0.0, *(math.sqrt(-2 * math.log(1 - share)) for share in (0.25, 0.5, 0.75, 0.9, 0.99)), math.inf]
    parts = {f"{a:.1f} < |y| < {b:.1f}": (radius >= a) & (radius < b) for a, b in pairwise(edges)}
    near = np.abs(to_box(y @ axes.T)) < math.pi / 8
    return parts | {"near one wall": near.sum(axis=1) == 1, "in a corner": near.all(axis=1)}


def draw_where(path: Path) -> None:
    """Draw which part of the latents holds how much of the excess, as shares, before and after."""
    from matplotlib import pyplot as plt

    figure, panels = plt.subplots(1, len(FLOWS), figsize=(12, 3.6), layout="constrained", sharey=True)
    for name, ax in zip(FLOWS, panels, strict=True):
        flow, z = eulerot.zoo.load(name), np.random.default_rng(1).standard_normal((5000, 2))
        x, rearrangement = flow.forward(z), fitted(flow)[0].rearrangement
        axes = rearrangement.sweeps[0].axes
        for y, label, marker in ((z, "excess before", "s"), (rearrangement.forward(z), "excess after", "o")):
            each, parts = slack(y, x), zones(y, axes)
            shares = [float(each[part].sum() / each.sum()) for part in parts.values()]
            print(name, label, {part: f"{share:.1%}" for part, share in zip(parts, shares, strict=True)}, flush=True)
            filled = {"s": "none", "o": None}[marker]
            ax.plot(100 * np.array(shares), range(len(parts)), marker, label=label, mfc=filled)
        ax.plot([100 * part.mean() for part in parts.values()], range(len(parts)), "k|", ms=12, label="pairs")
        ax.set(title=name.replace("_", " "), xlabel="share, %", xlim=(0, None))
        ax.set_yticks(range(len(parts)), list(parts))
        ax.grid(axis="x", alpha=0.3)
    panels[0].invert_yaxis()
    panels[-1].legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=150)


def draw_angles(path: Path) -> None:
    """Draw the cost on 20,000 fresh pairs against the angle of the axes, less the lowest, for 8 modes and for 16."""
    from matplotlib import pyplot as plt

    angles = np.linspace(0, 90, 9)
    figure, panels = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    for modes, ax in zip((8, 16), panels, strict=True):
        for name in FLOWS:
            flow, z = eulerot.zoo.load(name), np.random.default_rng(7).standard_normal((20_000, 2))
            x = flow.forward(z)
            fits = [fitted(flow, n_pairs=2048, modes=modes, axes=math.radians(angle))[0] for angle in angles[:-1]]
            moved = [fit.rearrangement.forward(z) for fit in fits]
            potential = regressed_potential(moved[0], x)
            costs = [float(np.mean(2 * potential(y)[0] - 2 * np.sum(x * y, axis=1))) for y in moved]
            ax.plot(angles, np.array([*costs, costs[0]]) - min(costs), "o-", label=name.replace("_", " "))
            print(modes, name, np.round(np.array(costs) - min(costs), 4), flush=True)
        ax.set(title=f"{modes} modes", xlabel="angle of the axes of the box, degrees", ylabel="cost above the lowest")
    panels[0].legend(frameon=False)
    figure.savefig(path, dpi=150)


def draw_settings(path: Path) -> None:
    """Draw the share that is left on the pinwheel, by settings, from the table of the page."""
    from matplotlib import pyplot as plt

    table = {key[1:]: row[3] for key, row in table_of("settings").items() if key[0] == FLOWS[0]}
    keys = [(group, label) for group, settings in ONE.items() for label in settings]
    places = {key: i + list(ONE).index(key[0]) for i, key in enumerate(keys)}
    figure, ax = plt.subplots(figsize=(8, 0.16 * (len(keys) + len(ONE)) + 1), layout="constrained")
    for i, group in enumerate(ONE):
        found = [(places[key], *cell.replace("%", "").split(" ± ")) for key, cell in table.items() if key[0] == group]
        left = [100 - float(closed) for _, closed, *_ in found]
        errors = [float(error[0]) if error else 0.0 for _, _, *error in found]
        ax.errorbar(left, [place for place, *_ in found], xerr=errors, fmt="o", ms=5, color=f"C{i % 2}")
    default = 100 - float(table[keys[0]].rstrip("%"))
    ax.axvline(default, color="k", lw=0.8, zorder=0)
    ax.set_xscale("log")
    ax.set_yticks(list(places.values()), [f"{group}: {label}" for group, label in keys], fontsize=7)
    ax.set(xlabel="excess that is left, % of that before (log scale)", ylim=(max(places.values()) + 1, -1))
    ax.set_title("pinwheel; the line is one geodesic as it is", fontsize=9)
    ticks = [tick for tick in (0.5, 1, 2, 3, 4, 6, 8, 12, 20, 40) if ax.get_xlim()[0] < tick < ax.get_xlim()[1]]
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.set_xticks([], minor=True)
    ax.grid(alpha=0.3)
    figure.savefig(path, dpi=120)


def main() -> None:
    """Make the parts that are asked for, all by default."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=["flows", "settings", "angles", "where", "figure"])
    parser.add_argument("--flow", action="append", help="of the tables; for settings the pinwheel by default")
    parser.add_argument("--group", action="append", help="of settings")
    chosen = parser.parse_args()
    for part, groups, names in (("flows", EVERY, FLOWS), ("settings", ONE, FLOWS[:1])):
        some = {group: settings for group, settings in groups.items() if group in (chosen.group or groups)}
        for name in chosen.flow or names if part in chosen.parts else ():
            for row in rows(name, some):
                print(" | ".join(row), flush=True)
                put(part, groups, row)
    for part, draw, file in (
        ("angles", draw_angles, "axes"), ("where", draw_where, "where"), ("figure", draw_settings, "settings"),
    ):  # fmt: skip
        if part in chosen.parts:
            draw(IMAGES / f"{file}.png")


if __name__ == "__main__":
    main()
