"""The parts that GraphQL types, fields and arguments are built from."""
