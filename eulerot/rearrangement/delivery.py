"""The delivered map: as many modes and steps as its errors ask for, tails of the latent space included."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial

import numpy as np

from eulerot._types import FloatArray
from eulerot.euler.geodesic import Geodesic
from eulerot.euler.refinement import Refinement
from eulerot.euler.resolution import resolved
from eulerot.latent.chart import chart_distance, to_box
from eulerot.latent.source import random_source

__all__ = ["GEODESIC_ERROR", "delivered"]

# Latents at which a map is looked at, besides those far out
_PROBES = 476
# The largest error (20) of a delivered geodesic
GEODESIC_ERROR = 1e-3


def delivered(geodesic: Geodesic, *, tolerance: float) -> Geodesic:
    """Return a geodesic whose map is that of the Euler equations to `GEODESIC_ERROR`, if so many modes are to be had.

    It has as many steps as it takes to be accurate to `tolerance`, tails included.
    """
    domain = geodesic.grid.domain
    probes, distance = _probes(domain, geodesic.grid.dim), partial(chart_distance, domain=domain)
    refinements: list[Refinement] = []

    def begun(tried: Geodesic) -> list[Callable[[], None]]:
        refinements.append(Refinement(tried))
        return refinements[-1].first_fields()

    resolved(geodesic, limit=GEODESIC_ERROR, beside=begun)
    return refinements[-1].refined(probes, tolerance=tolerance, distance=distance)


@lru_cache(maxsize=4)
def _probes(domain: str, dim: int) -> FloatArray:
    probes = random_source(_PROBES, dim, 0, domain=domain)  # a Sobol sequence would take 0.3 s to import
    if domain == "torus":
        return probes
    tails = np.stack(np.meshgrid(*[[-7.0, -5.0, -4.0, 4.0, 5.0, 7.0]] * dim), axis=-1).reshape(-1, dim)
    return to_box(np.concatenate([probes, tails]))
