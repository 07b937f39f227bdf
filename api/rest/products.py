"""REST routes of products."""

from api.rest.calls import Answer, Call, Created, route
from services.products import managing as products


@route("products", "GET", "/products", products.list_)
async def list_products(call: Call) -> Answer:
    return await products.list_(call.request, call.input, wanted=call.wanted)


@route("product", "GET", "/products/{id}", products.get)
async def get_product(call: Call) -> Answer:
    return await products.get.encoded(call.request, call.input)


@route("createProduct", "POST", "/products", products.create, status=201)
async def create_product(call: Call) -> Answer:
    product = await products.create(call.request, call.input, key=call.key)
    return Created(product, f"/products/{product.id}")


@route("updateProduct", "PATCH", "/products/{id}", products.update)
async def update_product(call: Call) -> Answer:
    return await products.update(call.request, call.input, key=call.key, if_match=call.if_match)


@route("archiveProduct", "DELETE", "/products/{id}", products.archive, status=204)
async def archive_product(call: Call) -> Answer:
    await products.archive(call.request, call.input, key=call.key, if_match=call.if_match)
    return None


@route("adjustStock", "POST", "/products/{id}/stock", products.adjust_stock)
async def adjust_stock(call: Call) -> Answer:
    return await products.adjust_stock(call.request, call.input, key=call.key)
