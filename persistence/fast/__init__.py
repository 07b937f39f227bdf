"""Faster forms of readers, transactions and connections; `persistence.database.pool` takes them."""
