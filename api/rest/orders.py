"""REST routes of orders."""

from api.rest.calls import Answer, Call, Created, nested, route
from services.orders import buying as orders
from services.orders import managing as orders_admin


@route("quoteOrder", "POST", "/orders/quote", orders.quote)
async def quote_order(call: Call) -> Answer:
    return await orders.quote(call.request, call.input)


@route("createOrder", "POST", "/orders", orders.create, status=201)
async def create_order(call: Call) -> Answer:
    order = await orders.create(call.request, call.input, key=call.key)
    return Created(order, f"/orders/{order.id}")


@route("orders", "GET", "/orders", orders.list_)
async def list_orders(call: Call) -> Answer:
    return await orders.list_(call.request, call.input, wanted=call.wanted)


@route("order", "GET", "/orders/{id}", orders.get)
async def get_order(call: Call) -> Answer:
    return await orders.get(call.request, call.input)


@route("orderHistory", "GET", "/orders/{id}/history", orders.history)
async def list_history(call: Call) -> Answer:
    return await nested(call, orders.history, call.path["id"])


@route("payOrder", "POST", "/orders/{id}/pay", orders.pay, status=201)
async def pay_order(call: Call) -> Answer:
    payment = await orders.pay(call.request, call.input, key=call.key)
    return Created(payment, f"/payments/{payment.id}")


@route("cancelOrder", "POST", "/orders/{id}/cancel", orders.cancel)
async def cancel_order(call: Call) -> Answer:
    return await orders.cancel(call.request, call.input, key=call.key, if_match=call.if_match)


@route("allOrders", "GET", "/admin/orders", orders_admin.list_all)
async def list_all_orders(call: Call) -> Answer:
    return await orders_admin.list_all(call.request, call.input, wanted=call.wanted)


@route("updateOrderStatus", "PATCH", "/admin/orders/{id}/status", orders_admin.update_status)
async def update_order_status(call: Call) -> Answer:
    return await orders_admin.update_status(
        call.request, call.input, key=call.key, if_match=call.if_match
    )
