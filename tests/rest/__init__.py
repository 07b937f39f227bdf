"""REST alone: the wire and dispatch."""
