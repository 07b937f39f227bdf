"""Categories of products."""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from persistence.categories import CATEGORIES, CATEGORY, Category
from services.core import paging
from services.core.context import Context, Request, sight
from services.core.errors import CategoryNotFound
from services.core.inputs import Input, PathId
from services.core.operation import Who, operation
from services.core.paging import Page, Paged


class CategoryId(Input):
    """Which category."""

    id: PathId = Field(description="The category's id.")


class ListCategories(Paged):
    """Which categories, in which order."""

    sort: Literal["name", "-name"] = Field("name", description="Order of the list.")


@operation("categories.list", who=Who.PUBLIC, input=ListCategories, result=Category, paged=True)
async def list_(ctx: Context, input: ListCategories) -> Page[Category]:
    """All categories, by name."""
    return await paging.page(ctx, CATEGORIES, input, input.sort, {})


@operation(
    "categories.get",
    who=Who.PUBLIC,
    input=CategoryId,
    result=Category,
    errors=[CategoryNotFound],
)
async def get(ctx: Context, input: CategoryId) -> Category:
    """One category."""
    category = await ctx.reader.one(CATEGORY.by_ids, ids=[input.id], **ctx.sight)
    if category is None:
        raise CategoryNotFound
    return category


async def by_ids(request: Request, ids: Sequence[str]) -> dict[str, Category]:
    """Categories by id; relation of products."""
    rows = await request.reader.all(CATEGORY.by_ids, ids=list(ids), **sight(request.caller))
    return {row.id: row for row in rows}
