"""
Certificates
============

Is a geodesic the *shortest* path between its ends? Brenier's theorem (21) decides it by the Hessian of the pressure.
"""

import matplotlib.pyplot as plt

import eulerot

# %%
# One geodesic for eight Gaussians is certified; one for two moons is above the bound.

fig, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
for name, ax in zip(["eight_gaussians", "two_moons"], axes, strict=True):
    flow = eulerot.zoo.load(name)
    twin = eulerot.rearrange(flow, n_pairs=2048, modes=8, geodesics=1, align=False)
    certificate = twin.rearrangement.certificate()
    print(f"{name}: {certificate}\n")
    certificate.plot(ax=ax)
    ax.set_title(name)

# %%
# By default a map is a rotation and several geodesics, smooth and refined together. Each is certified for itself.

twin = eulerot.rearrange(eulerot.zoo.load("two_moons"), n_pairs=1024, modes=8, geodesics=3)
print(twin.rearrangement.certificate())
