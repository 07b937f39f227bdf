"""Money: exact decimals of two places."""

from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

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


def apportion(whole: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """Shares of an amount by weight, which sum to it exactly.

    Each share is rounded down to the cent. The cents left over go to the largest remainders, among
    equal ones to the first. Neither the amount nor a weight is negative, and not all weights are
    zero.
    """
    count = int(whole / CENT)
    entire = sum(map(Fraction, weights))
    exact = [count * Fraction(weight) / entire for weight in weights]
    shares = [int(share) for share in exact]
    places = sorted(range(len(shares)), key=lambda place: shares[place] - exact[place])
    for place in places[: count - sum(shares)]:
        shares[place] += 1
    return [share * CENT for share in shares]


def part(whole: Decimal, pieces: int, of: int) -> Decimal:
    """The worth of the first ``pieces`` out of ``of``, rounded down to the cent.

    The pieces between two parts are worth their difference. So the parts of any steps from none to
    all of the pieces sum to the whole exactly.
    """
    return int(whole / CENT) * pieces // of * CENT
