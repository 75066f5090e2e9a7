"""What shows results of every kind: the page of a flow or of pairs as one file, and a rearrangement in motion.

Pictures of single results are their own ``plot`` methods, by `eulerot.plotting`.
"""

from eulerot.pages.animation import animate
from eulerot.pages.page import Page
from eulerot.pages.reports import flow_page, pairs_page

__all__ = ["Page", "animate", "flow_page", "pairs_page"]
