"""A flow from a density alone."""
