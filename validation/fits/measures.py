"""Measure on fresh pairs what several of the studies ask for."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from problems import PlantedFlow

import eulerot
from eulerot._types import FloatArray
from eulerot.shooting.potential import Potential
from eulerot.transport.cost import transport_cost

__all__ = ["PlantedGap", "costs_by_pair", "map_errors", "planted_gap"]


def costs_by_pair(y: FloatArray, x: FloatArray, potential: Potential) -> FloatArray:
    """Return the terms of equation (12') for rearranged latents and their data, shape ``(n,)``.

    Two rearrangements are compared by the mean of the differences of their terms, with one potential for both: it has
    the expectation of the difference of their costs, and little of its noise.
    """
    return np.sum(x**2 - 2 * x * y, axis=1) + 2 * potential(y)[0] + y.shape[1] - 2 * potential.mean


def map_errors(moved: FloatArray, truth: FloatArray) -> FloatArray:
    """Return the L2-UVP of each latent in per cent, whose mean is that of the map, shape ``(n,)``; see `peers.py`.

    Examples
    --------
    >>> map_errors(np.zeros((4, 1)), np.array([[1.0], [-1.0], [1.0], [-1.0]]))
    array([100., 100., 100., 100.])
    """
    return np.asarray(100 * np.sum((moved - truth) ** 2, axis=1) / truth.var(axis=0).sum())


class PlantedGap(NamedTuple):
    """How much of the true gap of a planted problem a rearrangement closes, on pairs that no fit has seen.

    Attributes
    ----------
    closed : float
        The share of the gap between the flow and the planted rearrangement.
    beyond_alignment : float
        The share of what the rotation of the rearrangement leaves of that gap.
    distance : float
        The mean distance of the rearranged latents from the planted ones.
    """

    closed: float
    beyond_alignment: float
    distance: float


def planted_gap(flow: PlantedFlow, rearrangement: eulerot.Rearrangement, n: int = 20_000) -> PlantedGap:
    """Return the share of the true gap that is closed; no sampling noise enters, since all share the same pairs.

    Examples
    --------
    >>> from problems import PLANTED
    >>> planted_gap(PLANTED["swirl"], eulerot.Rearrangement.identity(2), n=100)[:2]
    (0.0, 0.0)
    """
    z = flow.latents(n, seed=1)
    x, planted, y = flow.forward(z), flow.rho.forward(z), rearrangement.forward(z)
    rotated = z @ rearrangement.rotation.T
    least, before, aligned, after = (transport_cost(latents, x) for latents in (planted, z, rotated, y))
    closed, beyond = (1 - (after - least) / (other - least) for other in (before, aligned))
    return PlantedGap(closed, beyond, float(np.mean(np.linalg.norm(y - planted, axis=1))))
