"""Tests of search and order in every language."""
