"""Coupons, and what orders redeem of them."""
