"""Deposits, and the payment provider that decides them."""
