"""Models of other libraries as flows."""
