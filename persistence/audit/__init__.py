"""The audit log: its entries, and the chain that seals them."""
