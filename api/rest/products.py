"""REST routes of products."""

from fastapi import APIRouter

from api.rest.calls import Answer, Call, Created, exported
from api.rest.operation_route import OperationRoute
from services.products import exporting, images, managing, reading

router = APIRouter(route_class=OperationRoute)


@router.get("/products", name="products.list", operation_id="products")
async def list_products(call: Call) -> Answer:
    return await reading.list_(call.request, call.input, wanted=call.wanted)


@router.get("/products/{id}", name="products.get", operation_id="product")
async def get_product(call: Call) -> Answer:
    return await reading.get.encoded(call.request, call.input)


@router.post("/products", name="products.create", operation_id="createProduct", status_code=201)
async def create_product(call: Call) -> Answer:
    product = await managing.create(call.request, call.input, key=call.key)
    return Created(product, f"/products/{product.id}")


@router.patch("/products/{id}", name="products.update", operation_id="updateProduct")
async def update_product(call: Call) -> Answer:
    return await managing.update(call.request, call.input, key=call.key, if_match=call.if_match)


@router.delete(
    "/products/{id}", name="products.archive", operation_id="archiveProduct", status_code=204
)
async def archive_product(call: Call) -> Answer:
    await managing.archive(call.request, call.input, key=call.key, if_match=call.if_match)
    return None


@router.post("/products/{id}/stock", name="products.adjustStock", operation_id="adjustStock")
async def adjust_stock(call: Call) -> Answer:
    return await managing.adjust_stock(call.request, call.input, key=call.key)


@router.get("/admin/products/export", name="products.export", operation_id="exportProducts")
async def export_products(call: Call) -> Answer:
    return await exported(call, exporting.export)


@router.put("/products/{id}/image", name="products.setImage", operation_id="setProductImage")
async def set_product_image(call: Call) -> Answer:
    return await images.set_image(call.request, call.input, key=call.key, if_match=call.if_match)


@router.delete(
    "/products/{id}/image",
    name="products.removeImage",
    operation_id="removeProductImage",
    status_code=204,
)
async def remove_product_image(call: Call) -> Answer:
    await images.remove_image(call.request, call.input, key=call.key, if_match=call.if_match)
    return None
