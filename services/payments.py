"""Payments: each one pays an order from its buyer's wallet.

They are read here; `services.orders.buying.pay` makes them.
"""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from persistence.payments import OWN_PAYMENTS, PAYMENT, Payment, PaymentState
from services.access.permissions import Permission
from services.errors.payments import PaymentNotFound
from services.operation import paging
from services.operation.context import Context, Request, viewer_values_for_relation
from services.operation.inputs import Input, PathId, Period, Reference
from services.operation.operation import operation
from services.operation.paging import Page, Paged


class ListPayments(Paged, Period):
    """Filters and sort of the list of payments."""

    order_id: Reference | None = Field(None, description="Id of the paid order.")
    status: PaymentState | None = Field(None, description="The payment's status.", strict=False)
    sort: Literal["-createdAt", "createdAt"] = Field(
        "-createdAt", description="How the list is sorted."
    )


class PaymentId(Input):
    """The payment."""

    id: PathId = Field(description="The payment's id.")


@operation(
    "payments.list",
    who=Permission.PAYMENTS_READ_OWN,
    input=ListPayments,
    result=Payment,
    paged=True,
)
async def list_(ctx: Context, input: ListPayments) -> Page[Payment]:
    """List the caller's own payments, newest first."""
    filters = {
        "from": input.from_,
        "to": input.to,
        "orderId": input.order_id,
        "status": input.status,
    }
    return await paging.page(ctx, OWN_PAYMENTS, input, input.sort, filters)


@operation(
    "payments.get",
    who=Permission.PAYMENTS_READ_OWN,
    input=PaymentId,
    result=Payment,
    errors=[PaymentNotFound],
)
async def get(ctx: Context, input: PaymentId) -> Payment:
    """Read one payment."""
    payment = await ctx.reader.one(PAYMENT.by_ids, ids=[input.id], **ctx.viewer_values)
    if payment is None:
        raise PaymentNotFound
    return payment


async def by_ids(request: Request, ids: Sequence[str]) -> dict[str, Payment]:
    """Load the payments that the caller may see, by id; relation of refunds."""
    rows = await request.reader.all(
        PAYMENT.by_ids, ids=list(ids), **viewer_values_for_relation(request, "payments")
    )
    return {row.id: row for row in rows}
