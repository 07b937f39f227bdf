"""Products: the goods that the shop sells, their prices and their stock."""
