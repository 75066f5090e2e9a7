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
    """Rearrange three flows of the zoo and draw each before and after."""
    IMAGES.mkdir(exist_ok=True)
    z = normal_points(4096, 2)
    for name in ("two_moons", "eight_gaussians", "pinwheel"):
        twin = eulerot.rearrange(eulerot.zoo.load(name), align=False)
        x, y = np.asarray(twin.flow.forward(z)), twin.rearrangement.forward(z)
        with plotting.figure(IMAGES / f"{name}.png", columns=3) as (before, after, way):
            plotting.samples(x, z, ax=before, title="before")
            plotting.samples(x, y, ax=after, title="after")
            twin.rearrangement.plot(ax=way)
            way.set_title("the rearrangement of the latents", fontsize=11)


if __name__ == "__main__":
    main()
