"""SQLModel tables, named queries, the database and its migrations."""
