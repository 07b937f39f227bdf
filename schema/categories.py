"""Categories of products."""

from typing import Any

import strawberry

from schema.connections import Connection, paged
from schema.fields import Info, field
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
