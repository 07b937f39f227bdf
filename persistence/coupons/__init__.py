"""Coupons and their redemptions by orders."""
