"""Money: exact decimals, with as many of them as the currency has.

ISO 4217 gives each currency its decimals: none (JPY), two (EUR) or three (KWD). Every amount that a
function here returns has exactly so many.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import cache, cached_property

#: The most decimals that the tables take.
MOST_DECIMALS = 3
_LARGEST = Decimal("999999999.99")


@dataclass(frozen=True)
class Currency:
    """A currency of ISO 4217 by its code, such as EUR."""

    code: str
    decimals: int

    @cached_property
    def unit(self) -> Decimal:
        """The minor unit, the smallest amount: 0.01 in EUR, 1 in JPY."""
        return Decimal(1).scaleb(-self.decimals)

    @cached_property
    def zero(self) -> Decimal:
        """Nothing, with the currency's decimals."""
        return self.units(0)

    @cached_property
    def largest(self) -> Decimal:
        """The largest amount of an order, a price or a deposit."""
        return _LARGEST.quantize(self.unit, ROUND_DOWN)

    def units(self, count: int) -> Decimal:
        """The amount of so many minor units."""
        return Decimal(count).scaleb(-self.decimals)

    def rounded(self, amount: Decimal) -> Decimal:
        """The amount rounded to the minor unit, halves away from zero."""
        return amount.quantize(self.unit, ROUND_HALF_UP)


#: Percentages have two decimals, whatever the currency.
PERCENT = Currency("%", 2)


@cache
def currency(code: str) -> Currency:
    """The currency with a code; raises ValueError where ISO 4217 has none, or it cannot be used."""
    from iso4217 import Currency as Listed  # takes 50 ms, which many commands need not pay

    try:
        listed = Listed(code)
    except ValueError:
        raise ValueError("must be a currency of ISO 4217, such as EUR") from None
    decimals = listed.exponent
    # Gold, drawing rights and codes for tests have no decimals at all; accounting units have four.
    if decimals is None or decimals > MOST_DECIMALS:
        raise ValueError(f"must be a currency with 0 to {MOST_DECIMALS} decimals")
    return Currency(code, decimals)


def total(amounts: Iterable[Decimal], currency: Currency) -> Decimal:
    """The exact sum."""
    return sum(amounts, currency.zero)


def tax_within(gross: Decimal, rate: Decimal, currency: Currency) -> Decimal:
    """The tax that a gross amount includes at a rate (0.19 for 19 %).

    It is always less than the amount.
    """
    return currency.rounded(gross - gross / (1 + rate))


def apportion(whole: Decimal, weights: Sequence[Decimal], currency: Currency) -> list[Decimal]:
    """Shares of an amount by weight, which sum to it exactly.

    Each share is rounded down to the minor unit. The units left over go to the largest remainders,
    among equal ones to the first. Neither the amount nor a weight is negative, and not all weights
    are zero.
    """
    count = int(whole / currency.unit)
    entire = sum(map(Fraction, weights))
    exact = [count * Fraction(weight) / entire for weight in weights]
    shares = [int(share) for share in exact]
    places = sorted(range(len(shares)), key=lambda place: shares[place] - exact[place])
    for place in places[: count - sum(shares)]:
        shares[place] += 1
    return [currency.units(share) for share in shares]


def part(whole: Decimal, pieces: int, of: int, currency: Currency) -> Decimal:
    """The worth of the first ``pieces`` out of ``of``, rounded down to the minor unit.

    The pieces between two parts are worth their difference. So the parts of any steps from none to
    all of the pieces sum to the whole exactly.
    """
    return currency.units(int(whole / currency.unit) * pieces // of)
