"""Flows of velocities: flow matching, rectified flows, and every other ordinary differential equation."""
