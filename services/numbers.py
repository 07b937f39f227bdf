"""Numbers read from text: a number that no field takes is still a number, and refused as such."""

from decimal import Decimal

#: No field takes a number of as many digits. A longer one is cut to these, because Python takes
#: quadratic time for an integer's digits.
_MOST_DIGITS = 40


def integer(digits: str) -> int:
    """The integer of decimal digits, with or without a sign; too large a number stays too large."""
    sign = "-" if digits.startswith("-") else ""
    return int(sign + (digits.removeprefix("-").lstrip("0") or "0")[:_MOST_DIGITS])


def number(text: str) -> Decimal | int:
    """The exact value of a number with a point or an exponent; 2.0 and 2e3 are integers too.

    Raises `ArithmeticError` where the exponent has too many digits.
    """
    value = Decimal(text)
    if value and value.adjusted() >= _MOST_DIGITS:
        return integer(("-1" if value.is_signed() else "1") + "0" * _MOST_DIGITS)
    whole = value.to_integral_value()
    return int(whole) if whole == value else value
