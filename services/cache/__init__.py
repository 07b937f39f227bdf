"""The shared cache of answers that are the same for every caller."""
