"""Categories of products."""

from typing import Any

import strawberry

from schema.connections import Connection, paged
from schema.done import Done
from schema.fields import Info, field, write_options
from schema.node import Node
from schema.views import mirror
from services import categories
from services.categories import Category as CategoryView


@mirror(CategoryView)
class Category(Node):
    pass


@strawberry.type
class Query:
    @field(categories.list_, "categories", Connection[Category])
    async def list_categories(self, info: Info, raw: dict[str, Any]) -> object:
        return await categories.list_(info.context.request, paged(info, raw))

    @field(categories.get, "category", Category)
    async def category(self, info: Info, raw: dict[str, Any]) -> object:
        return await categories.get(info.context.request, raw)


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
