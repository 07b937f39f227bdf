"""A random walk through GraphQL, v1 and v2, which must answer alike at every step."""
