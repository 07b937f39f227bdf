"""Categories of products."""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from persistence.categories import CATEGORIES, CATEGORY, Category
from services.core import paging
from services.core.callers import glimpse
from services.core.context import Context, Request
from services.core.errors import CategoryNotFound
from services.core.inputs import Input, PathId
from services.core.operation import operation
from services.core.paging import Page, Paged
from services.core.permissions import PUBLIC


class CategoryId(Input):
    """Which category."""

    id: PathId = Field(description="The category's id.")


class ListCategories(Paged):
    """Which categories, in which order."""

    sort: Literal["name", "-name"] = Field("name", description="Order of the list.")


@operation("categories.list", who=PUBLIC, input=ListCategories, result=Category, paged=True)
async def list_(ctx: Context, input: ListCategories) -> Page[Category]:
    """All categories, by name."""
    return await paging.page(ctx, CATEGORIES, input, input.sort, {})


@operation(
    "categories.get",
    who=PUBLIC,
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
    rows = await request.reader.all(
        CATEGORY.by_ids, ids=list(ids), **glimpse(request, "categories")
    )
    return {row.id: row for row in rows}
