"""Money: exact decimals of two places."""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
ZERO = Decimal("0.00")
LARGEST = Decimal("999999999.99")


def cents(amount: Decimal) -> Decimal:
    """The amount rounded to cents, halves away from zero."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The exact sum."""
    return sum(amounts, ZERO)


def tax_within(gross: Decimal, rate: Decimal) -> Decimal:
    """The tax that a gross amount includes at a rate (0.19 for 19 %)."""
    return cents(gross - gross / (1 + rate))
