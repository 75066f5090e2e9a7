"""Pictures of samples, maps, flows and fits, an animation, and a page of all of them.

Every function that takes `ax` draws into it, or into a new figure if it is None, and returns the axes; without
matplotlib it raises ImportError. Samples of more than two dimensions are shown by their first two coordinates.
"""

from eulerot.plotting.animation import animate
from eulerot.plotting.canvas import figure, require
from eulerot.plotting.curves import convergence, costs, history, spectrum
from eulerot.plotting.fields import field, velocity, vorticity
from eulerot.plotting.page import Page, flow_page, pairs_page
from eulerot.plotting.planes import arrows, couplings, path, samples

__all__ = [
    "Page",
    "animate",
    "arrows",
    "convergence",
    "costs",
    "couplings",
    "field",
    "figure",
    "flow_page",
    "history",
    "pairs_page",
    "path",
    "require",
    "samples",
    "spectrum",
    "velocity",
    "vorticity",
]
