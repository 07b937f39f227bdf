"""REST routes of refunds."""

from fastapi import APIRouter

from api.rest.calls import Answer, Call, Created, nested
from api.rest.operation_route import OperationRoute
from services.refunds import refunding as refunds

router = APIRouter(route_class=OperationRoute)


@router.post(
    "/admin/orders/{id}/refunds", name="orders.refund", operation_id="refundOrder", status_code=201
)
async def refund_order(call: Call) -> Answer:
    refund = await refunds.create(call.request, call.input, key=call.key)
    return Created(refund, f"/orders/{refund.order_id}/refunds")


@router.get("/orders/{id}/refunds", name="refunds.list", operation_id="orderRefunds")
async def list_refunds(call: Call) -> Answer:
    return await nested(call, refunds.list_, call.path["id"])
