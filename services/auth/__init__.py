"""Registering, signing in and out, resetting a password and verifying an email."""
