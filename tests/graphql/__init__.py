"""GraphQL alone: the wire, limits, compiled documents."""
