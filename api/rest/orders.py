"""REST routes of orders."""

from fastapi import APIRouter

from api.rest.calls import Answer, Call, Created, nested
from api.rest.operation_route import OperationRoute
from services.orders import buying, managing, reading

router = APIRouter(route_class=OperationRoute)


@router.post("/orders/quote", name="orders.quote", operation_id="quoteOrder")
async def quote_order(call: Call) -> Answer:
    return await buying.quote(call.request, call.input)


@router.post("/orders", name="orders.create", operation_id="createOrder", status_code=201)
async def create_order(call: Call) -> Answer:
    order = await buying.create(call.request, call.input, key=call.key)
    return Created(order, f"/orders/{order.id}")


@router.get("/orders", name="orders.list", operation_id="orders")
async def list_orders(call: Call) -> Answer:
    return await reading.list_(call.request, call.input, wanted=call.wanted)


@router.get("/orders/{id}", name="orders.get", operation_id="order")
async def get_order(call: Call) -> Answer:
    return await reading.get(call.request, call.input)


@router.get("/orders/{id}/history", name="orders.history", operation_id="orderHistory")
async def list_history(call: Call) -> Answer:
    return await nested(call, reading.history, call.path["id"])


@router.post("/orders/{id}/pay", name="orders.pay", operation_id="payOrder", status_code=201)
async def pay_order(call: Call) -> Answer:
    payment = await buying.pay(call.request, call.input, key=call.key)
    return Created(payment, f"/payments/{payment.id}")


@router.post("/orders/{id}/cancel", name="orders.cancel", operation_id="cancelOrder")
async def cancel_order(call: Call) -> Answer:
    return await buying.cancel(call.request, call.input, key=call.key, if_match=call.if_match)


@router.get("/admin/orders", name="orders.listAll", operation_id="allOrders")
async def list_all_orders(call: Call) -> Answer:
    return await managing.list_all(call.request, call.input, wanted=call.wanted)


@router.patch(
    "/admin/orders/{id}/status", name="orders.updateStatus", operation_id="updateOrderStatus"
)
async def update_order_status(call: Call) -> Answer:
    return await managing.update_status(
        call.request, call.input, key=call.key, if_match=call.if_match
    )
