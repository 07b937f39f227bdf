"""Errors of the wallet."""

from services.errors.base import TandemError


class InsufficientFunds(TandemError):
    code, status = "INSUFFICIENT_FUNDS", 402
    title = "The wallet does not hold enough."
    hint = "Make a deposit first; details say how much is missing."
