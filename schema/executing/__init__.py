"""Reads, limits and executes GraphQL documents on graphql-core."""
