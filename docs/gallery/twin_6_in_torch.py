"""
A twin in torch
===============

A rearranged flow goes back to the library that its flow came from, with gradients. This script needs
``pip install "eulerot[torch]" zuko`` and is shown without output: these pages are built without torch.
"""

# sphinx_gallery_thumbnail_path = 'images/pinwheel.png'

import numpy as np
import torch
import zuko

import eulerot

# %%
# A small flow, trained for a moment on an arc.

torch.manual_seed(0)
angle = np.pi * np.random.default_rng(0).random(2000)
data = np.stack([2 * np.cos(angle), 3 * np.sin(angle) - 1.5], axis=1)
data = torch.tensor(data, dtype=torch.float32) + 0.2 * torch.randn(data.shape)
flow = zuko.flows.MAF(features=2, transforms=3, hidden_features=(32, 32))
optimizer = torch.optim.Adam(flow.parameters(), lr=5e-3)
for _ in range(100):
    optimizer.zero_grad()
    loss = -flow().log_prob(data).mean()
    loss.backward()
    optimizer.step()

# %%
# Its twin has the same density and another coupling. As a zuko distribution it is differentiable in the parameters of
# the flow.

twin = eulerot.rearrange(flow, n_pairs=1024, modes=6, geodesics=2)
print(twin.report(1000))
there = twin.to_torch()
(-there.log_prob(data).mean()).backward()

# %%
# The map of the latents alone is a :class:`torch.nn.Module` and a :class:`torch.distributions.transforms.Transform`;
# its tables are tensor operations alone, for :func:`torch.compile` and a GPU.

s = twin.rearrangement.to_torch()
z = torch.randn(1000, 2, dtype=torch.float64, requires_grad=True)
s.log_abs_det_jacobian(z, s(z)).sum().backward()
tables = twin.rearrangement.tabulated(error=1e-4).to_torch().float()
print(tables(torch.randn(5, 2)))
