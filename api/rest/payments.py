"""REST routes of payments."""

from api.rest.calls import Answer, Call, route
from services import payments


@route("payments", "GET", "/payments", payments.list_)
async def list_payments(call: Call) -> Answer:
    return await payments.list_(call.request, call.input)


@route("payment", "GET", "/payments/{id}", payments.get)
async def get_payment(call: Call) -> Answer:
    return await payments.get(call.request, call.input)
