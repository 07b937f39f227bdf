"""The GraphQL face: Strawberry types, tiny resolvers, batch fields."""
