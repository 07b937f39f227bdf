"""The books: checks that money, stock and orders in a whole database agree."""
