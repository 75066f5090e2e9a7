"""Change one setting of the fit at a time, and measure the share closed on pairs that no fit has seen.

    python validation/fits/ablation.py [flows] [settings] [angles] [where] [figure] [--flow NAME] [--group GROUP]

Writes the tables and the figures of `docs/ablation.md`, or those that are asked for; a table is written row by row, and
rows that are made again replace the old ones. One geodesic, no alignment, K = 16, 8192 Sobol pairs, unless the row
says otherwise. See `Measure` for what closed means. The settings are in `ablation_settings.py`.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
from ablation_figures import draw_angles, draw_settings, draw_where
from ablation_settings import FLOWS, OF_ALL_FLOWS, OF_ONE_FLOW, fitted
from marked_tables import read_table, write_table
from measures import costs_by_pair

import eulerot
from eulerot.shooting.potential import regressed_potential
from eulerot.transport.report import transport_report

PAGE = Path(__file__).parents[2] / "docs" / "ablation.md"
IMAGES = PAGE.parent / "images"
COLUMNS = ("flow", "group", "setting", "closed", "cost", "excess", "weight", "evaluations")


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
    """Yield the cells of the table, one row for each setting."""
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


def main() -> None:
    """Make the parts that are asked for, all by default."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=["flows", "settings", "angles", "where", "figure"])
    parser.add_argument("--flow", action="append", help="of the tables; for settings the pinwheel by default")
    parser.add_argument("--group", action="append", help="of settings")
    chosen = parser.parse_args()
    for part, groups, names in (("flows", OF_ALL_FLOWS, FLOWS), ("settings", OF_ONE_FLOW, FLOWS[:1])):
        some = {group: settings for group, settings in groups.items() if group in (chosen.group or groups)}
        for name in chosen.flow or names if part in chosen.parts else ():
            for row in rows(name, some):
                print(" | ".join(row), flush=True)
                put(part, groups, row)
    if "angles" in chosen.parts:
        draw_angles(IMAGES / "axes.png")
    if "where" in chosen.parts:
        draw_where(IMAGES / "where.png")
    if "figure" in chosen.parts:
        closed = {key[1:]: row[3] for key, row in table_of("settings").items() if key[0] == FLOWS[0]}
        draw_settings(IMAGES / "settings.png", closed)


if __name__ == "__main__":
    main()
