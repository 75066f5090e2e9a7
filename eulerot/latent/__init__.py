"""Describe the latent space: its law, the coordinates in which geodesics move it, and the circle."""
