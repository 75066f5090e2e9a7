"""Transforms between kept coefficients and grid values."""
