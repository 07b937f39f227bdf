"""Orders: placed, paid and cancelled by their buyers, moved on by the shop."""
