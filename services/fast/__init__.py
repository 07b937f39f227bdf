"""Faster ways beside the readable ones; `services.operation.context` chooses them."""
