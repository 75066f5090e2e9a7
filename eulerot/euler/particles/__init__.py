"""Particles that a field carries along: the flow map, its derivatives and their adjoints."""
