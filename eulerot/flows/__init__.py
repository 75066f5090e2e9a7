"""What a flow is, the flows that ship with the package, and the rearranged flow."""
