"""
The solver on its own
=====================

Two patches of vorticity on a periodic square merge. The solver is pseudo-spectral and exactly dealiased; it knows
nothing of flows or transport.
"""

import matplotlib.pyplot as plt
import numpy as np

import eulerot
from eulerot import plotting

grid = eulerot.Grid((96, 96), domain="torus")
x, y = grid.mesh()
vorticity = sum(3 * np.exp(-3 * ((x - np.pi) ** 2 + (y - c) ** 2)) for c in (2.45, 3.85))
vorticity -= vorticity.mean()

# %%
# Times at which the solution is kept are hit exactly, and particles go along (8).

rng = np.random.default_rng(0)
particles = np.pi + 0.9 * rng.uniform(-1, 1, (400, 2))
times = [0.0, 3.0, 6.0, 9.0]
solution = eulerot.solve_euler(vorticity, grid, time=9.0, save_at=times, particles=particles)
saved = solution.saved
fig, axes = plt.subplots(1, 4, figsize=(12, 3.4), layout="constrained")
for time, field, points, ax in zip(times, saved.fields, saved.positions, axes, strict=True):
    ax.pcolormesh(x, y, field, cmap="RdBu_r", vmin=-3, vmax=3, shading="gouraud")
    ax.plot(*(points % (2 * np.pi)).T, ".", color="black", markersize=1)
    ax.set(title=f"t = {time:g}", aspect="equal", xticks=[], yticks=[])

# %%
# Energy and enstrophy are conserved by the truncated equations (6); what is left is the error of the time steps. The
# *tail*, the share of the enstrophy in the outermost modes, tells whether the grid still resolves the field.

print(f"energy drift    {np.ptp(solution.energy) / solution.energy[0]:.1e}")
print(f"enstrophy drift {np.ptp(solution.enstrophy) / solution.enstrophy[0]:.1e}")
print(f"tail            {solution.tail[0]:.1e} before, {solution.tail[-1]:.1e} after")

# %%
# How the energy is spread over scales.

ax = plotting.spectrum(*solution.spectrum())
