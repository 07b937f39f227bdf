"""Scalars: money as exact text, time as RFC 3339, JSON as it is.

Input passes unchanged. The operation's input model checks it, so both faces give the same errors.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NewType

import strawberry
from graphql import (
    BooleanValueNode,
    FloatValueNode,
    GraphQLError,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    StringValueNode,
    ValueNode,
    VariableNode,
)
from graphql.pyutils import Undefined
from strawberry.scalars import JSON
from strawberry.types.scalar import ScalarDefinition

from services.numbers import integer, number

Money = NewType("Money", Decimal)
DateTime = NewType("DateTime", datetime)
Date = NewType("Date", date)

__all__ = ["JSON", "SCALARS", "Date", "DateTime", "Money", "json_literal"]


def _money_text(amount: Decimal | str) -> str:
    if isinstance(amount, str):
        return amount  # a projection holds the text that PostgreSQL wrote
    return str(amount)


def _money_value(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise GraphQLError('Money is text such as "19.99", or a number.')
    return value


def _money_literal(node: ValueNode, _: Any = None) -> Any:
    match node:
        case StringValueNode():
            return node.value
        case IntValueNode() | FloatValueNode():
            return _number(node)
        case _:
            raise GraphQLError('Money is text such as "19.99", or a number.', node)


def _number(node: IntValueNode | FloatValueNode) -> Decimal | int:
    try:
        return number(node.value) if isinstance(node, FloatValueNode) else integer(node.value)
    except ArithmeticError:
        raise GraphQLError("The number is too large.", node) from None


def _time_text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _time_literal(node: ValueNode, _: Any = None) -> Any:
    if not isinstance(node, StringValueNode):
        raise GraphQLError('DateTime is text such as "2026-01-31T12:00:00Z".', node)
    return node.value


def _date_literal(node: ValueNode, _: Any = None) -> Any:
    if not isinstance(node, StringValueNode):
        raise GraphQLError(_NO_DATE, node)
    return node.value


def json_literal(node: ValueNode, variables: Mapping[str, Any] | None = None) -> Any:
    """The JSON value of a literal; `Undefined` for a variable that was not given."""
    match node:
        case ObjectValueNode():
            items = {f.name.value: json_literal(f.value, variables) for f in node.fields}
            return {name: item for name, item in items.items() if item is not Undefined}
        case ListValueNode():
            listed = [json_literal(item, variables) for item in node.values]
            return [None if item is Undefined else item for item in listed]
        case VariableNode():
            return (variables or {}).get(node.name.value, Undefined)
        case IntValueNode() | FloatValueNode():
            return _number(node)
        case StringValueNode() | BooleanValueNode():
            return node.value
        case NullValueNode():
            return None
        case _:
            raise GraphQLError("JSON has no enum values; use text.", node)


def _time_value(value: Any) -> Any:
    if not isinstance(value, str):
        raise GraphQLError('DateTime is text such as "2026-01-31T12:00:00Z".')
    return value


_NO_DATE = 'Date is text such as "2026-01-31".'


def _date_value(value: Any) -> Any:
    if not isinstance(value, str):
        raise GraphQLError(_NO_DATE)
    return value


SCALARS: dict[object, ScalarDefinition] = {
    Money: strawberry.scalar(
        name="Money",
        description="An exact amount with the decimals of its currency, as text:"
        ' "19.99" in EUR, "1999" in JPY, "1.999" in KWD.',
        serialize=_money_text,
        parse_value=_money_value,
        parse_literal=_money_literal,
    ),
    DateTime: strawberry.scalar(
        name="DateTime",
        description='A point in time in UTC, RFC 3339: "2026-01-31T12:00:00Z".',
        serialize=_time_text,
        parse_value=_time_value,
        parse_literal=_time_literal,
    ),
    Date: strawberry.scalar(
        name="Date",
        description='A day, ISO 8601: "2026-01-31".',
        serialize=date.isoformat,
        parse_value=_date_value,
        parse_literal=_date_literal,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value.",
        serialize=lambda value: value,
        parse_value=lambda value: value,
        parse_literal=json_literal,
    ),
}
