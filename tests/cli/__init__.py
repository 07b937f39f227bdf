"""Commands, documents and set-up."""
