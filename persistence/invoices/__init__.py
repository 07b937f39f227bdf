"""Invoices, credit notes, their numbers and their files."""
