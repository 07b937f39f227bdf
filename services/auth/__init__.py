"""Registering, signing in, and getting back into an account."""
