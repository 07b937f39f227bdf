"""The database itself: pool, transactions, statements, views and rules."""
