"""Pictures of arrays: samples, maps, fields and curves; no class of the package is known here.

Every function that takes `ax` draws into it, or into a new figure if it is None, and returns the axes; without
matplotlib it raises ImportError. Samples of more than two dimensions are shown by their first two coordinates.
"""

from eulerot.plotting.canvas import figure, require
from eulerot.plotting.curves import certificate, convergence, costs, gaps, history, spectrum
from eulerot.plotting.fields import field, velocity, vorticity
from eulerot.plotting.film import film
from eulerot.plotting.scatter import arrows, couplings, path, samples

__all__ = [
    "arrows",
    "certificate",
    "convergence",
    "costs",
    "couplings",
    "field",
    "figure",
    "film",
    "gaps",
    "history",
    "path",
    "require",
    "samples",
    "spectrum",
    "velocity",
    "vorticity",
]
