"""Reports: transactions of the ledger, and sales."""
