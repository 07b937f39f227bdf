"""Payments, made by paying an order."""

import strawberry

from schema.connections import Connection
from schema.orders import Payment
from schema.reads import read
from services import payments


@strawberry.type
class Query:
    list_payments = read(payments.list_, "payments", Connection[Payment])
    payment = read(payments.get, "payment", Payment)
