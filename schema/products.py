"""Products: what the shop sells."""

from typing import Any

import strawberry

from schema.building.connections import Connection
from schema.building.fields import Info, field, write_options
from schema.building.reads import read, relation
from schema.building.types import mirror
from schema.categories import Category
from schema.done import Done
from schema.node import Node
from services import categories
from services.products import managing, reading
from services.products.reading import Product as ProductView


@mirror(ProductView)
class Product(Node):
    category: Category | None = relation(
        categories.by_ids,
        "category_id",
        Category,
        "The category it is found in.",
    )


@strawberry.type
class Query:
    list_products = read(reading.list_, "products", Connection[Product])
    product = read(reading.get, "product", Product)


@strawberry.type
class Mutation:
    @field(managing.create, "createProduct", Product)
    async def create_product(self, info: Info, raw: dict[str, Any]) -> object:
        options = write_options(info, raw)
        return await managing.create(info.context.request, raw, **options)

    @field(managing.update, "updateProduct", Product)
    async def update_product(self, info: Info, raw: dict[str, Any]) -> object:
        options = write_options(info, raw)
        return await managing.update(info.context.request, raw, **options)

    @field(managing.archive, "archiveProduct", Done)
    async def archive_product(self, info: Info, raw: dict[str, Any]) -> object:
        options = write_options(info, raw)
        return await managing.archive(info.context.request, raw, **options)

    @field(managing.adjust_stock, "adjustStock", Product)
    async def adjust_stock(self, info: Info, raw: dict[str, Any]) -> object:
        options = write_options(info, raw)
        return await managing.adjust_stock(info.context.request, raw, **options)
