"""Flows: the protocol, models of other libraries, flows that ship with the package, and the rearranged flow."""
