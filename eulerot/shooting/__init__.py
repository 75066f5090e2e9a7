"""Geodesic shooting: the fit of a rearrangement to pairs."""
