"""HTTP: the REST face, the GraphQL mount, the edge, the command line."""
