"""Refunds: money given back of what was paid for an order."""

import strawberry

from schema.building.fields import write
from schema.orders import Refund
from services.refunds import refunding


@strawberry.type
class Mutation:
    refund_order = write(refunding.create, "refundOrder", Refund)
