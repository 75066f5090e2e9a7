"""
A study: how many pairs, how many modes
=======================================

What a single geodesic closes of the excess of two moons, by the number of pairs that it is fitted to and the modes of
its initial vorticity. The same loop, larger and with more seeds, is behind the tables of the section *Evidence*.
"""

import matplotlib.pyplot as plt
import numpy as np

import eulerot

flow = eulerot.zoo.load("two_moons")
fresh = np.random.default_rng(7).standard_normal((1000, 2))
before = eulerot.transport_report(fresh, flow.forward(fresh))

fig, ax = plt.subplots(figsize=(5.6, 3.6), layout="constrained")
pairs = [256, 512, 1024, 2048]
strict = {"geodesics": 1, "align": False}
for modes in (2, 4, 8):
    closed = []
    for n in pairs:
        s = eulerot.rearrange(flow, n_pairs=n, modes=modes, **strict).rearrangement
        after = eulerot.transport_report(s.forward(fresh), flow.forward(fresh))
        closed.append(100 * (1 - after.excess / before.excess))
    print(f"{modes} modes:", "  ".join(f"{share:.1f} %" for share in closed))
    ax.plot(pairs, closed, "o-", label=f"{modes} modes")
ax.set(xscale="log", xlabel="pairs", ylabel="share of the excess closed, %")
ax.set_xticks(pairs, [str(n) for n in pairs])
ax.minorticks_off()
ax.legend(frameon=False)
