"""Twins of flows in the libraries that the flows come from; each library is imported when it is asked for."""
