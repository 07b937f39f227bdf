"""The errors that callers may be told: one file for each noun, and base.py and common.py."""
