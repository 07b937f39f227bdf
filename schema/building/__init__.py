"""What GraphQL types, fields and arguments are built with."""
