"""Payments: read here, made by paying an order."""

from pydantic import Field

from persistence.payments import PAYMENT, Payment
from services.core.context import Context
from services.core.errors import PaymentNotFound
from services.core.inputs import Input, PathId
from services.core.operation import operation
from services.core.permissions import Permission


class PaymentId(Input):
    """Which payment."""

    id: PathId = Field(description="The payment's id.")


@operation(
    "payments.get",
    who=Permission.PAYMENTS_READ_OWN,
    input=PaymentId,
    result=Payment,
    errors=[PaymentNotFound],
)
async def get(ctx: Context, input: PaymentId) -> Payment:
    """One payment."""
    payment = await ctx.reader.one(PAYMENT.by_ids, ids=[input.id], **ctx.sight)
    if payment is None:
        raise PaymentNotFound
    return payment
