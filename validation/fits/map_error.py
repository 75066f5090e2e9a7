"""Draw the error of the map against the time of the fit, for settings of eulerot and for peers.

    python validation/fits/peers.py ... > TABLE; python validation/fits/map_error.py TABLE docs/images/map_error.png

The table is what `peers.py` prints, several of them one after another: `validation/fits/peers.md` has that of the docs.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from eulerot import plotting

NAMES = {
    "one": "eulerot, one geodesic",
    "plan": "POT: exact plan",
    "entropic": "OTT: entropic map",
    "enot": "OTT: ENOT",
}


class Point(NamedTuple):
    """One fit: who made it, of how many pairs, its error in per cent and its seconds."""

    method: str
    pairs: int
    error: float
    seconds: float


def points(text: str) -> dict[str, list[Point]]:
    """Return the fits in tables of `peers.py`, by problem.

    Examples
    --------
    >>> points("| swirl | plan | 8192 | 0.168 \u00b1 0.003 | 0.0754 | 30% | 1.0 | 10.2 s | 1.9e+03 |")
    {'swirl': [Point(method='plan', pairs=8192, error=0.168, seconds=10.2)]}
    """
    found = defaultdict(list)
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 9 and cells[2].isdigit():
            problem, method, pairs, error, *_, seconds, _ = cells
            found[problem].append(Point(method, int(pairs), float(error.split()[0]), float(seconds.split()[0])))
    return dict(found)


def main() -> None:
    """Draw one panel for each problem."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("picture")
    arguments = parser.parse_args()
    problems = points(arguments.table.read_text(encoding="utf-8"))
    with plotting.figure(arguments.picture, columns=len(problems)) as axes:
        for ax, (problem, fits) in zip(axes, problems.items(), strict=True):
            ours = sorted((fit for fit in fits if fit.method == "eulerot"), key=lambda fit: fit.pairs)
            ax.loglog([fit.seconds for fit in ours], [fit.error for fit in ours], "o-", label="eulerot")
            for fit in ours:
                ax.annotate(f"{fit.pairs}", (fit.seconds, fit.error), textcoords="offset points", xytext=(4, 4))
            for method, name in NAMES.items():
                others = [fit for fit in fits if fit.method == method]
                ax.loglog([fit.seconds for fit in others], [fit.error for fit in others], "s", label=name)
            ax.set(title=problem, xlabel="seconds to fit", ylabel="L2-UVP, %")
        axes[0].legend(fontsize="small")


if __name__ == "__main__":
    main()
