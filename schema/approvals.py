"""Approvals of large orders."""

from typing import Any

import strawberry

from schema.connections import Connection, paged
from schema.fields import Info, field, write_options
from schema.orders import Order
from services import approvals


@strawberry.type
class Query:
    @field(approvals.list_, "approvals", Connection[Order])
    async def list_approvals(self, info: Info, raw: dict[str, Any]) -> object:
        return await approvals.list_(info.context.request, paged(info, raw))


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
