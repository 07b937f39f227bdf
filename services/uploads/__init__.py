"""Uploads: files that callers send to the store and use, as pictures of products and of people."""
