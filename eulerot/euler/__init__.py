"""The incompressible Euler solver; it knows nothing of flows or of transport."""
