"""Signing in, and getting back into an account."""
