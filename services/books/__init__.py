"""The books: checks of a whole database."""
