"""
Planted truth
=============

How far is a fitted map from the Monge map? On data the Monge map is unknown. So here one is planted: a swirl that
preserves the Gaussian, and then the gradient of a convex function. By Brenier's theorem (1) that gradient is the
Monge map of the flow, and the swirl is what should be found.
"""

import matplotlib.pyplot as plt
import numpy as np

import eulerot
from eulerot import plotting


def swirl(z):
    """Turn each circle about the origin by an angle of its own: the Gaussian stays as it is."""
    angle = 1.5 * np.exp(-np.sum(z**2, axis=1) / 2)
    c, s = np.cos(angle), np.sin(angle)
    return np.stack([c * z[:, 0] - s * z[:, 1], s * z[:, 0] + c * z[:, 1]], axis=1)


def monge(y):
    """Return the gradient of a convex function: each coordinate increases on its own."""
    return y * [1.5, 1.0] + np.tanh(y)


rng = np.random.default_rng(0)
z, fresh = rng.standard_normal((2, 2048, 2))

# %%
# Pairs are all that the fit sees.

result = eulerot.fit(z, monge(swirl(z)), modes=8, geodesics=2, align=False)
print(f"cost {result.cost_before:.3f} -> {result.cost_after:.3f}")

# %%
# The fitted map of the latents gives a coupling of each datum with :math:`y = s(z)`, and :math:`g = f \circ s^{-1}`
# is to be compared with the Monge map. L2-UVP is the squared error as a share of the variance of the truth.

s = result.rearrangement
y, x = s.forward(fresh), monge(swirl(fresh))
truth = monge(y)
before = 100 * np.mean(np.sum((x - monge(fresh)) ** 2, axis=1)) / np.sum(np.var(truth, axis=0))
after = 100 * np.mean(np.sum((x - truth) ** 2, axis=1)) / np.sum(np.var(truth, axis=0))
print(f"L2-UVP before: {before:.2f} %, after: {after:.2f} %")

# %%
# Left the planted swirl, right the map that was found from the pairs.

fig, axes = plt.subplots(1, 2, figsize=(9, 4.4), layout="constrained")
for moved, title, ax in [(swirl(fresh), "planted", axes[0]), (y, "found", axes[1])]:
    plotting.arrows(fresh, moved, longest=1.2, ax=ax)
    ax.set_title(title)
