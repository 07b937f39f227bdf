"""Coupons: managed by the shop, redeemed by orders."""
