"""The wrapper that every operation runs in."""
