"""The GraphQL face: a file a noun declares its Strawberry types and fields."""
