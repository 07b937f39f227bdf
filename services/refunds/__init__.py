"""Refunds: the shop returns all or part of an order's payment to the buyer's wallet."""
