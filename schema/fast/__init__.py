"""Documents compiled to functions: the fast way beside graphql-core."""
