"""Invoices and credit notes: jobs issue them after a payment or refund."""
