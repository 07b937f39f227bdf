"""Errors of the wallet."""

from services.errors.base import TandemError


class InsufficientFunds(TandemError):
    code, status = "INSUFFICIENT_FUNDS", 402
    title = "The wallet does not hold enough."
    hint = (
        "Make a deposit (`deposits.create`), or cancel an unpaid order that holds money "
        "(`orders.cancel`); details say how much is missing. Then pay or order again with a new "
        "`Idempotency-Key`, as the same key repeats this answer."
    )
