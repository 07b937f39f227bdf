"""Approvals of large orders."""

from typing import Any

import strawberry

from schema.building.connections import Connection
from schema.building.fields import Info, field, write_options
from schema.building.reads import read
from schema.orders import Order
from services import approvals


@strawberry.type
class Query:
    list_approvals = read(approvals.list_, "approvals", Connection[Order])


@strawberry.type
class Mutation:
    @field(approvals.approve, "approveOrder", Order)
    async def approve_order(self, info: Info, raw: dict[str, Any]) -> object:
        options = write_options(info, raw)
        return await approvals.approve(info.context.request, raw, **options)

    @field(approvals.reject, "rejectOrder", Order)
    async def reject_order(self, info: Info, raw: dict[str, Any]) -> object:
        options = write_options(info, raw)
        return await approvals.reject(info.context.request, raw, **options)
