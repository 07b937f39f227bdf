"""Products: what the shop sells, and its stock."""
