"""Orders: tables, views, statements, statuses and history."""
