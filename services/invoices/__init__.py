"""Invoices: reading, issuing, and the PDF."""
