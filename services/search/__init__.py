"""Search and order in every language: the words and sort keys of texts, and queries for words."""
