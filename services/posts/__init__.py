"""Posts: what users write for everybody."""
