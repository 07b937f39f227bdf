"""REST routes of products."""

from api.rest.calls import Answer, Call, Created, route
from services.products import managing, reading


@route("products", "GET", "/products", reading.list_)
async def list_products(call: Call) -> Answer:
    return await reading.list_(call.request, call.input, wanted=call.wanted)


@route("product", "GET", "/products/{id}", reading.get)
async def get_product(call: Call) -> Answer:
    return await reading.get.encoded(call.request, call.input)


@route("createProduct", "POST", "/products", managing.create, status=201)
async def create_product(call: Call) -> Answer:
    product = await managing.create(call.request, call.input, key=call.key)
    return Created(product, f"/products/{product.id}")


@route("updateProduct", "PATCH", "/products/{id}", managing.update)
async def update_product(call: Call) -> Answer:
    return await managing.update(call.request, call.input, key=call.key, if_match=call.if_match)


@route("archiveProduct", "DELETE", "/products/{id}", managing.archive, status=204)
async def archive_product(call: Call) -> Answer:
    await managing.archive(call.request, call.input, key=call.key, if_match=call.if_match)
    return None


@route("adjustStock", "POST", "/products/{id}/stock", managing.adjust_stock)
async def adjust_stock(call: Call) -> Answer:
    return await managing.adjust_stock(call.request, call.input, key=call.key)
