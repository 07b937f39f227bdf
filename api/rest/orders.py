"""REST routes of orders."""

from api.rest.calls import Answer, Call, Created, nested, route
from services.orders import buying, managing, reading


@route("quoteOrder", "POST", "/orders/quote", buying.quote)
async def quote_order(call: Call) -> Answer:
    return await buying.quote(call.request, call.input)


@route("createOrder", "POST", "/orders", buying.create, status=201)
async def create_order(call: Call) -> Answer:
    order = await buying.create(call.request, call.input, key=call.key)
    return Created(order, f"/orders/{order.id}")


@route("orders", "GET", "/orders", reading.list_)
async def list_orders(call: Call) -> Answer:
    return await reading.list_(call.request, call.input, wanted=call.wanted)


@route("order", "GET", "/orders/{id}", reading.get)
async def get_order(call: Call) -> Answer:
    return await reading.get(call.request, call.input)


@route("orderHistory", "GET", "/orders/{id}/history", reading.history)
async def list_history(call: Call) -> Answer:
    return await nested(call, reading.history, call.path["id"])


@route("payOrder", "POST", "/orders/{id}/pay", buying.pay, status=201)
async def pay_order(call: Call) -> Answer:
    payment = await buying.pay(call.request, call.input, key=call.key)
    return Created(payment, f"/payments/{payment.id}")


@route("cancelOrder", "POST", "/orders/{id}/cancel", buying.cancel)
async def cancel_order(call: Call) -> Answer:
    return await buying.cancel(call.request, call.input, key=call.key, if_match=call.if_match)


@route("allOrders", "GET", "/admin/orders", managing.list_all)
async def list_all_orders(call: Call) -> Answer:
    return await managing.list_all(call.request, call.input, wanted=call.wanted)


@route("updateOrderStatus", "PATCH", "/admin/orders/{id}/status", managing.update_status)
async def update_order_status(call: Call) -> Answer:
    return await managing.update_status(
        call.request, call.input, key=call.key, if_match=call.if_match
    )
