"""Invoices, credit notes, their numbers and their PDF files."""
