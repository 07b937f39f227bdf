"""The database and the statements."""
