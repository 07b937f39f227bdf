"""Faster ways beside the readable ones; `persistence.database.pool` chooses them."""
