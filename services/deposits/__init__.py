"""Deposits: the payment provider brings money into a wallet."""
