"""REST routes of refunds."""

from api.rest.calls import Answer, Call, Created, nested, route
from services.refunds import refunding as refunds


@route("refundOrder", "POST", "/admin/orders/{id}/refunds", refunds.create, status=201)
async def refund_order(call: Call) -> Answer:
    refund = await refunds.create(call.request, call.input, key=call.key)
    return Created(refund, f"/orders/{refund.order_id}/refunds")


@route("orderRefunds", "GET", "/orders/{id}/refunds", refunds.list_)
async def list_refunds(call: Call) -> Answer:
    return await nested(call, refunds.list_, call.path["id"])
