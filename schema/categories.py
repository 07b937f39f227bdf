"""Categories of products."""

from typing import Any

import strawberry

from schema.building.connections import Connection
from schema.building.fields import Info, field, write_options
from schema.building.reads import read
from schema.building.types import mirror
from schema.done import Done
from schema.node import Node
from services import categories
from services.categories import Category as CategoryView


@mirror(CategoryView)
class Category(Node):
    pass


@strawberry.type
class Query:
    list_categories = read(categories.list_, "categories", Connection[Category])
    category = read(categories.get, "category", Category)


@strawberry.type
class Mutation:
    @field(categories.create, "createCategory", Category)
    async def create_category(self, info: Info, raw: dict[str, Any]) -> object:
        options = write_options(info, raw)
        return await categories.create(info.context.request, raw, **options)

    @field(categories.update, "updateCategory", Category)
    async def update_category(self, info: Info, raw: dict[str, Any]) -> object:
        options = write_options(info, raw)
        return await categories.update(info.context.request, raw, **options)

    @field(categories.delete, "deleteCategory", Done)
    async def delete_category(self, info: Info, raw: dict[str, Any]) -> object:
        options = write_options(info, raw)
        return await categories.delete(info.context.request, raw, **options)
