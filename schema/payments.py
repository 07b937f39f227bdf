"""Payments, made by paying an order."""

from typing import Any

import strawberry

from schema.connections import Connection, paged
from schema.fields import Info, field
from schema.orders import Payment
from services import payments


@strawberry.type
class Query:
    @field(payments.list_, "payments", Connection[Payment])
    async def list_payments(self, info: Info, raw: dict[str, Any]) -> object:
        return await payments.list_(info.context.request, paged(info, raw))

    @field(payments.get, "payment", Payment)
    async def payment(self, info: Info, raw: dict[str, Any]) -> object:
        return await payments.get(info.context.request, raw)
