"""
The zoo
=======

Six trained flows and a linear one ship with the package, to try things on. Colours are latents: where neighbouring
samples have different colours, the flow has torn its latent space apart.
"""

import matplotlib.pyplot as plt
import numpy as np

import eulerot
from eulerot import plotting

z = np.random.default_rng(0).standard_normal((3000, 2))
names = ["two_moons", "eight_gaussians", "checkerboard", "pinwheel"]
fig, axes = plt.subplots(1, 4, figsize=(12, 3.4), layout="constrained", sharey=True)
for name, ax in zip(names, axes, strict=True):
    plotting.samples(eulerot.zoo.load(name).forward(z), z, ax=ax, title=name)

# %%
# So much does each of them waste. *exact* is the least cost of any coupling of the same two samples, by
# :func:`ot.emd2`, and the excess is the difference (14).

for name in names:
    r = eulerot.transport_report(z[:1000], eulerot.zoo.load(name).forward(z[:1000]))
    print(f"{name:16} cost {r.cost:.3f}  exact {r.exact:.3f}  excess {r.excess:.3f}")

# %%
# The others have three and ten dimensions; ``linear`` is a matrix.

for name in sorted(set(eulerot.zoo.names()) - set(names)):
    print(f"{name:16} {eulerot.zoo.load(name).dim} dimensions")
