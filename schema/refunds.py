"""Refunds: money given back of what was paid for an order."""

from typing import Any

import strawberry

from schema.building.fields import Info, field, write_options
from schema.orders import Refund
from services.refunds import refunding as refunds


@strawberry.type
class Mutation:
    @field(refunds.create, "refundOrder", Refund)
    async def refund_order(self, info: Info, raw: dict[str, Any]) -> object:
        options = write_options(info, raw)
        return await refunds.create(info.context.request, raw, **options)
