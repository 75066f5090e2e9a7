"""Planted flows: a swirl, which preserves the Gaussian, and the gradient of a convex function after it."""

import numpy as np
from scipy.stats import special_ortho_group

from eulerot.transport.cost import transport_cost


def swirled(z, axes=None, peak=1.0):
    """Return latents after swirls in the planes (0, 1), (2, 3), ... of the axes."""
    axes = np.eye(z.shape[1]) if axes is None else axes
    y = z @ axes.T
    for i in range(0, y.shape[1] - 1, 2):
        angle = peak * np.exp(-np.sum(y[:, i : i + 2] ** 2, axis=1) / 4)
        cos, sin = np.cos(angle), np.sin(angle)
        y[:, i], y[:, i + 1] = cos * y[:, i] - sin * y[:, i + 1], sin * y[:, i] + cos * y[:, i + 1]
    return y @ axes


def monge(y):
    """Return the images of rearranged latents, by the gradient of a convex function."""
    return 1.3 * y + 0.6 * np.tanh(y) + 1.0


def share_recovered(found, z, axes=None, peak=1.0):
    """Return how much of what the planted swirl saves is saved by a rearrangement, on these latents."""
    truth = swirled(z, axes, peak)
    before, after, least = (transport_cost(y, monge(truth)) for y in (z, found.forward(z), truth))
    return (before - after) / (before - least)


def rotated_axes(dim, seed):
    """Return a random rotation."""
    return special_ortho_group.rvs(dim, random_state=seed)
