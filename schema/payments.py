"""Payments, made by paying an order."""

import strawberry

from schema.building.connections import Connection
from schema.building.fields import read
from schema.orders import Payment
from services import payments


@strawberry.type
class Query:
    list_payments = read(payments.list_, "payments", Connection[Payment])
    payment = read(payments.get, "payment", Payment)
