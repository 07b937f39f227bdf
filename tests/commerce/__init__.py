"""Commerce as a small model, the real shop beside it, and the situations both are put into."""
