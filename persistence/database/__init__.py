"""The database itself: connections, transactions, statements, views, lists and rules."""
