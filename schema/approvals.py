"""Approvals of large orders."""

import strawberry

from schema.building.connections import Connection
from schema.building.fields import read, write
from schema.orders import Order
from services import approvals


@strawberry.type
class Query:
    list_approvals = read(approvals.list_, "approvals", Connection[Order])


@strawberry.type
class Mutation:
    approve_order = write(approvals.approve, "approveOrder", Order)
    reject_order = write(approvals.reject, "rejectOrder", Order)
