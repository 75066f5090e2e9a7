"""Maps that preserve the source: rotations and sweeps of geodesics, exact, tabulated and in files."""
