"""The geometry of the volume-preserving maps: curvature, Jacobi fields and conjugate points of their geodesics."""
