"""How a GraphQL document is read, limited and executed."""
