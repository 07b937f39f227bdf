"""Uploads: files that callers declare, send and use, and the pictures made of them."""
