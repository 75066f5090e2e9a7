"""What each part of the fit is worth: one setting changed at a time, the share closed on pairs that no fit has seen.

    python validation/ablation.py [flows|settings|angles]

Writes the tables and the figure of `docs/ablation.md`, or one of them. One geodesic, no alignment, K = 16, 8192 Sobol
pairs, unless the row says otherwise; 5000 fresh pairs and their exact costs (POT).
"""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path

import numpy as np

import eulerot
from eulerot.potential import regressed_potential
from eulerot.source import normal_points
from eulerot.transport import transport_report

DOCS = Path(__file__).parent.parent / "docs"
HEADER = "| flow | setting | closed | cost | excess | fit |\n|---|---|---|---|---|---|\n"
FLOWS = ("pinwheel", "two_moons", "checkerboard", "eight_gaussians")
EVERY: dict[str, dict] = {
    "defaults, strict": {},
    "axes of the latent space": {"axes": 0.0},
    "aligned": {"align": True},
    "2 geodesics": {"segments": 2},
}
ONE: dict[str, dict] = {
    "3 geodesics": {"segments": 3},
    "12 modes": {"modes": 12},
    "20 modes": {"modes": 20},
    "24 modes": {"modes": 24},
    "24 modes, axes of the latent space": {"modes": 24, "axes": 0.0},
    "2048 pairs": {"n_pairs": 2048},
    "4096 pairs": {"n_pairs": 4096},
    "8192 independent pairs": {"independent": True},
    "weight 1e-3 alone": {"regularisation": 1e-3},
    "weight 1e-4 alone": {"regularisation": 1e-4},
    "weights to 1e-6": {"regularisation": (1e-4, 1e-5, 1e-6)},
    "4 steps": {"steps": 4},
    "16 steps": {"steps": 16},
    "2 geodesics, aligned": {"segments": 2, "align": True},
}


def fitted(flow, *, n_pairs: int = 8192, independent: bool = False, align: bool = False, **options) -> tuple:
    """Return the rearrangement and the seconds that the fit took."""
    z = np.random.default_rng(0).standard_normal((n_pairs, 2)) if independent else normal_points(n_pairs, 2)
    x = flow.forward(z)
    begun = time.perf_counter()
    result = eulerot.fit(z, x, align=align, **options)
    return result.rearrangement, time.perf_counter() - begun


def rows(name: str, settings: dict[str, dict]):
    """Yield one line of the table for each setting."""
    flow = eulerot.zoo.load(name)
    z = np.random.default_rng(1).standard_normal((5000, 2))
    x = flow.forward(z)
    before = transport_report(z, x)
    for label, options in settings.items():
        rearrangement, seconds = fitted(flow, **options)
        after = transport_report(rearrangement.forward(z), x)
        closed = 1 - after.excess / before.excess
        yield f"| {name} | {label} | {closed:.2%} | {after.cost:.4f} | {after.excess:.5f} | {seconds:.1f} s |"


def draw_angles(path: Path) -> None:
    """Draw the cost of 8 modes on 20,000 fresh pairs against the angle of the axes, less the lowest."""
    from matplotlib import pyplot as plt

    angles = np.linspace(0, 90, 9)
    _, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
    for name in FLOWS:
        flow, costs = eulerot.zoo.load(name), []
        z = np.random.default_rng(7).standard_normal((20_000, 2))
        x = flow.forward(z)
        moved = [fitted(flow, n_pairs=2048, modes=8, axes=math.radians(a))[0].forward(z) for a in angles[:-1]]
        potential = regressed_potential(moved[0], x)
        costs = [float(np.mean(2 * potential(y)[0] - 2 * np.sum(x * y, axis=1))) for y in moved]
        ax.plot(angles, np.array([*costs, costs[0]]) - min(costs), "o-", label=name.replace("_", " "))
    ax.set(xlabel="angle of the axes of the box, degrees", ylabel="cost above the lowest")
    ax.legend(frameon=False)
    plt.savefig(path, dpi=150)


def write_table(part: str, lines: list[str]) -> None:
    """Put a table between its marks in the page."""
    page = DOCS / "ablation.md"
    head, rest = page.read_text(encoding="utf-8").split(f"<!-- {part} -->\n")
    _, tail = rest.split(f"<!-- end of {part} -->\n")
    body = HEADER + "".join(line + "\n" for line in lines)
    page.write_text(f"{head}<!-- {part} -->\n{body}<!-- end of {part} -->\n{tail}", encoding="utf-8")


def main() -> None:
    """Make the parts that are asked for, all by default."""
    parts = sys.argv[1:] or ["flows", "settings", "angles"]
    for part, settings, names in (("flows", EVERY, FLOWS), ("settings", ONE, FLOWS[:1])):
        lines: list[str] = []
        for name in names if part in parts else ():
            for row in rows(name, settings):
                print(row, flush=True)
                lines.append(row)
                write_table(part, lines)
    if "angles" in parts:
        draw_angles(DOCS / "images" / "axes.png")


if __name__ == "__main__":
    main()
