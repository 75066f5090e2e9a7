"""Draw the figures of the README and of these pages.

python docs/figures.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import eulerot
from eulerot import plotting
from eulerot.latent.source import normal_points

IMAGES = Path(__file__).parent / "images"


def main() -> None:
    """Draw the pictures of the README and of the tutorials, and flows before and after without alignment."""
    IMAGES.mkdir(exist_ok=True)
    before_and_after("two_moons")
    patches()
    for name in ("two_moons", "eight_gaussians", "pinwheel"):
        zoo(name)


def before_and_after(name: str) -> None:
    """Print the report of the README, and draw where latents go, through a flow and through its twin."""
    flow = eulerot.zoo.load(name)
    twin = eulerot.rearrange(flow)
    print(twin.report(2000))
    x = twin.sample(5000, seed=1)
    z, y = flow.inverse(x), twin.inverse(x)
    before, after = (eulerot.transport_report(latents, x) for latents in (z, y))
    titles = f"the flow: cost {before.cost:.2f}", f"its twin: cost {after.cost:.2f}, least possible {after.exact:.2f}"
    with plotting.figure(IMAGES / "before_after.png", columns=2, shared=True) as axes:
        plotting.couplings(dict(zip(titles, (z, y), strict=True)), x, axes=axes, n=450)


def patches() -> None:
    """Draw two patches of vorticity, as the tutorial of fluids has them, while they merge."""
    grid = eulerot.Grid((128, 128), domain="torus")
    x, y = grid.mesh()
    vorticity = sum(np.exp(-4 * ((x - np.pi) ** 2 + (y - c) ** 2)) for c in (2.5, 3.8))
    field0 = vorticity - vorticity.mean()
    solution = eulerot.solve_euler(field0, grid, time=24.0, save_at=[0.0, 8.0, 24.0])
    with plotting.figure(IMAGES / "patches.png", columns=3) as axes:
        for time, ax in zip(solution.saved.times, axes, strict=True):
            solution.plot(at=time, ax=ax).set_title(f"time {time:g}", fontsize=11)


def zoo(name: str) -> None:
    """Draw samples in the colours of their latents, before and after, and the map of the latents."""
    z = normal_points(4096, 2)
    twin = eulerot.rearrange(eulerot.zoo.load(name), align=False)
    x, y = np.asarray(twin.flow.forward(z)), twin.rearrangement.forward(z)
    with plotting.figure(IMAGES / f"{name}.png", columns=3) as (before, after, way):
        plotting.samples(x, z, ax=before, title="before")
        plotting.samples(x, y, ax=after, title="after")
        twin.rearrangement.plot(ax=way)
        way.set_title("the rearrangement of the latents", fontsize=11)


if __name__ == "__main__":
    main()
