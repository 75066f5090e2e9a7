"""
A twin in JAX
=============

The same under ``jit`` and ``grad``, as a bijection of flowjax. This script needs ``pip install "eulerot[jax]"`` and
is shown without output: these pages are built without JAX.
"""

# sphinx_gallery_thumbnail_path = 'images/eight_gaussians.png'

import jax
import jax.numpy as jnp
import numpy as np
from flowjax.distributions import Normal
from flowjax.flows import coupling_flow
from flowjax.train import fit_to_data

import eulerot

# %%
# A small flow, trained for a moment on an arc.

angle = np.pi * np.random.default_rng(0).random(2000)
data = np.stack([2 * np.cos(angle), 3 * np.sin(angle) - 1.5], axis=1)
data = data + 0.2 * np.random.default_rng(1).standard_normal(data.shape)
base = Normal(jnp.zeros(2))
flow = coupling_flow(jax.random.key(0), base_dist=base, flow_layers=3, nn_width=16)
flow, losses = fit_to_data(jax.random.key(1), flow, data, max_epochs=3)

# %%
# Its twin has the same density and another coupling.

twin = eulerot.rearrange(flow, n_pairs=1024, modes=6, geodesics=2)
print(f"cost {twin.fit.cost_before:.3f} -> {twin.fit.cost_after:.3f}")
there = twin.to_jax()
slope = jax.grad(lambda points: there.log_prob(points).sum())(jnp.asarray(data[:5]))

# %%
# The map of the latents alone, exact by a callback, or as tables without one.

s = twin.rearrangement.to_jax(library="distrax")
z = jax.random.normal(jax.random.key(2), (100, 2))
moved, log_det = jax.jit(s.forward_and_log_det)(z)
tables = twin.rearrangement.tabulated(error=1e-4).to_jax()
print(jax.jit(jax.vmap(tables.transform))(moved)[:5])
