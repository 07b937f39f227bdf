"""Demo data: a believable small shop with its products, customers and orders."""
