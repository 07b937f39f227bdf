"""REST routes of products."""

from api.rest.calls import Answer, Call, Created, route
from services import products


@route("products", "GET", "/products", products.list_)
async def list_products(call: Call) -> Answer:
    return await products.list_(call.request, call.input)


@route("product", "GET", "/products/{id}", products.get)
async def get_product(call: Call) -> Answer:
    return await products.get(call.request, call.input)


@route("createProduct", "POST", "/products", products.create, status=201)
async def create_product(call: Call) -> Answer:
    product = await products.create(call.request, call.input, key=call.key)
    return Created(product, f"/products/{product.id}")
