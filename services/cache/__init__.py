"""The shared cache of answers that everybody sees."""
