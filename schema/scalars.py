"""Scalars: money as exact text, time as RFC 3339, JSON as it is.

Input goes through unread: the operation's input model judges it, so both faces say the same.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any, NewType

import strawberry
from graphql import FloatValueNode, GraphQLError, IntValueNode, StringValueNode, ValueNode
from strawberry.scalars import JSON
from strawberry.types.scalar import ScalarDefinition

Money = NewType("Money", Decimal)
DateTime = NewType("DateTime", datetime)

__all__ = ["JSON", "SCALARS", "DateTime", "Money"]


def _money_text(amount: Decimal) -> str:
    return f"{amount:.2f}"


def _money_value(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise GraphQLError('Money is text such as "19.99", or a number.')
    return value


def _money_literal(node: ValueNode, _: Any = None) -> Any:
    match node:
        case StringValueNode():
            return node.value
        case IntValueNode() | FloatValueNode():
            return Decimal(node.value)
        case _:
            raise GraphQLError('Money is text such as "19.99", or a number.')


def _time_text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _time_value(value: Any) -> Any:
    if not isinstance(value, str):
        raise GraphQLError('DateTime is text such as "2026-01-31T12:00:00Z".')
    return value


SCALARS: dict[object, ScalarDefinition] = {
    Money: strawberry.scalar(
        name="Money",
        description='An exact amount with two decimals, as text: "19.99".',
        serialize=_money_text,
        parse_value=_money_value,
        parse_literal=_money_literal,
    ),
    DateTime: strawberry.scalar(
        name="DateTime",
        description='A point in time in UTC, RFC 3339: "2026-01-31T12:00:00Z".',
        serialize=_time_text,
        parse_value=_time_value,
    ),
}
