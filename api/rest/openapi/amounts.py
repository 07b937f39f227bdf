"""JSON Schema of amounts, which have the decimals of a currency."""

from decimal import Decimal
from typing import Any

from services.money import PERCENT, Currency

#: How many decimals a currency has, in words, with one that has as many.
_WORDS = {0: "no decimals, such as JPY", 2: "two decimals, such as EUR"}
_WORDS[3] = "three decimals, such as KWD"
_SPACES = r"[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*"
_NOT_ZERO = rf"(?![0.]+{_SPACES}$)"


def about(currency: Currency) -> str:
    """The sentences of a contract about the decimals of its amounts."""
    return (
        "Amounts have the decimals of the shop's currency."
        f" This contract is for a currency with {_WORDS[currency.decimals]}."
    )


def write_input(schema: dict[str, Any], lowest: str, currency: Currency) -> None:
    """Write the schema of an amount that callers give: decimal text.

    A JSON number is taken too, and only words say so: a validator reads 19.99 as a binary fraction,
    which is no multiple of 0.01. ``lowest`` is the mark of the input's type. Examples that are
    there are those of EUR.
    """
    if schema.pop("x-percent", False):
        currency = max(currency, PERCENT, key=lambda one: one.decimals)
    places = currency.decimals
    decimals = rf"(\.[0-9]{{1,{places}}})?" if places else ""
    text = rf"0{{0,3}}[0-9]{{1,9}}{decimals}{_SPACES}$"
    start = f"^{_SPACES}" + (_NOT_ZERO if lowest == "above zero" else "")
    schema |= {
        "type": "string",
        "format": "decimal",
        "pattern": start + text,
        "examples": [example(one, currency) for one in schema.get("examples", ["19.99"])],
    }
    # The keywords are in the order in which Pydantic writes them.
    ordered = sorted(schema.items())
    schema.clear()
    schema |= ordered


def write_output(schema: dict[str, Any], currency: Currency) -> None:
    """Write the form of an amount in a result."""
    places = currency.decimals
    decimals = rf"\.[0-9]{{{places}}}" if places else ""
    if schema.pop("x-percent", False) and currency.decimals != PERCENT.decimals:
        decimals = rf"({decimals}|\.[0-9]{{{PERCENT.decimals}}})"
    schema |= {"pattern": rf"^-?[0-9]+{decimals}$", "examples": [example("19.99", currency)]}


def example(text: str, currency: Currency) -> str:
    """An example's amount of EUR as one of as many minor units of the currency."""
    return str(currency.units(int(Decimal(text) * 100)))
