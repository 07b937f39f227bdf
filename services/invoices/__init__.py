"""Invoices and credit notes: issued by jobs, read by buyers and the shop."""
