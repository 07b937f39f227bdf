"""Coupons: the shop manages codes that take a discount off an order."""
