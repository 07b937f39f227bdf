"""Orders: bought, read and managed."""
