"""Amounts in inputs: decimal text, with the decimals of the shop's currency."""

import re
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, ValidationInfo, WithJsonSchema

from services import money
from services.operation.inputs import wrong

_AMOUNT = re.compile(r"[0-9]+(\.[0-9]+)?")


def _amount(value: object, currency: money.Currency) -> Decimal:
    """The amount in decimal text, or in a JSON number that was read as a decimal, not a float.

    A text must not have more decimals than the currency, though they be zeros. A number has no
    digits of its own, so 100.00 is 100.
    """
    like = f'"{currency.units(1999)}"'
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise wrong("INVALID_TYPE", f"Give an amount such as {like}.")
    few = f"with {_DECIMALS[currency.decimals]}"
    if isinstance(value, str):
        value = value.strip()
        if not _AMOUNT.fullmatch(value) or len(value.partition(".")[2]) > currency.decimals:
            raise wrong("INVALID_FORMAT", f"Give an amount such as {like}, {few}.")
    try:
        amount = Decimal(value)
        # `abs` would round to the context, and overflow for 1E1000000.
        if amount.copy_abs() > currency.largest:
            if amount.is_signed():
                raise wrong("TOO_SMALL", "Give no amount below zero.")
            raise wrong("TOO_LARGE", f"Give at most {currency.largest}.")
        if amount != currency.rounded(amount):
            raise wrong("INVALID_FORMAT", f"Give an amount {few}.")
    except ArithmeticError:
        raise wrong("INVALID_FORMAT", f"Give an amount such as {like}.") from None
    return currency.rounded(amount)


_DECIMALS = ("no decimals", "at most one decimal", "at most two decimals", "at most three decimals")


def _positive(value: object, info: ValidationInfo) -> Decimal:
    amount = _amount(value, currency_of(info))
    if amount <= 0:
        raise wrong("TOO_SMALL", "Give an amount above zero.")
    return amount


def _share_or_amount(value: object, info: ValidationInfo) -> Decimal:
    currency = currency_of(info)
    finer = max(currency, money.PERCENT, key=lambda one: one.decimals)
    amount = _amount(value, finer)
    if amount <= 0:
        raise wrong("TOO_SMALL", "Give an amount above zero.")
    return amount


def _not_negative(value: object, info: ValidationInfo) -> Decimal:
    amount = _amount(value, currency_of(info))
    if amount < 0:
        raise wrong("TOO_SMALL", "Give an amount of zero or more.")
    return amount


def currency_of(info: ValidationInfo) -> money.Currency:
    """The shop's currency, which `checked` passes."""
    assert isinstance(info.context, money.Currency)
    return info.context


# A contract is written for a currency: api/rest/openapi/amounts.py turns these marks into its
# patterns and limits.
Price = Annotated[Decimal, BeforeValidator(_positive), WithJsonSchema({"x-amount": "above zero"})]
#: A percentage or an amount. Its operation checks the decimals, as they depend on which it is.
PercentOrPrice = Annotated[
    Decimal,
    BeforeValidator(_share_or_amount),
    WithJsonSchema({"x-amount": "above zero", "x-percent": True}),
]
Bound = Annotated[
    Decimal, BeforeValidator(_not_negative), WithJsonSchema({"x-amount": "zero or more"})
]
