"""What is measured of a coupling: its cost, the least cost, and how far a map is from a gradient."""
