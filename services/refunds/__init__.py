"""Refunds: money of paid orders given back, in parts or whole."""
