"""Deposits: money added to a wallet through the payment provider."""
