"""Categories: the groups that products are listed in."""

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import structs
from pydantic import Field
from pydantic.alias_generators import to_camel

from persistence.categories import (
    CATEGORIES,
    CATEGORY,
    DELETE_CATEGORY,
    INSERT_CATEGORY,
    LOCK_CATEGORY,
    UPDATE_CATEGORY,
    Category,
)
from persistence.database.failures import ReferenceViolation, UniqueViolation
from persistence.database.transactions import Transaction
from services.access.permissions import PUBLIC, Permission
from services.done import Done
from services.errors.categories import CategoryInUse, CategoryNotFound, SlugTaken
from services.events import audience, types
from services.events.emitting import emit
from services.operation import paging
from services.operation.context import Context, Request, Wanted, viewer_values_for_relation
from services.operation.declaration import Key
from services.operation.inputs import Input, Lines, NameLine, PathId, Slug
from services.operation.operation import operation
from services.operation.paging import Page, Paged
from services.operation.patches import ABSENT, Patch, changes
from services.search.columns import sort_columns

Name = Annotated[NameLine, Field(min_length=1, max_length=100)]
Description = Annotated[Lines, Field(max_length=2000)]


class CategoryId(Input):
    """The category."""

    id: PathId = Field(description="The category's id.")


class ListCategories(Paged):
    """Sort of the list of categories."""

    sort: Literal["name", "-name"] = Field("name", description="How the list is sorted.")


class CreateCategory(Input):
    """A new category."""

    slug: Slug = Field(
        description="Unique short name for URLs: words of a-z and 0-9, joined by hyphens.",
        examples=["desk-lamps"],
    )
    name: Name = Field(description="Name shown to people.", examples=["Desk lamps"])
    description: Description = Field("", description="What the category contains.")


class UpdateCategory(Patch):
    """The changes to a category. Absent fields stay as they are."""

    id: PathId = Field(description="The category's id.")
    slug: Slug = Field(ABSENT, description="Unique short name for URLs.", examples=["desk-lamps"])
    name: Name = Field(ABSENT, description="Name shown to people.", examples=["Desk lamps"])
    description: Description | None = Field(
        None, description="What the category contains; null clears it."
    )


@operation(
    "categories.list",
    who=PUBLIC,
    input=ListCategories,
    result=Category,
    paged=True,
    cached=("category",),
)
async def list_(ctx: Context, input: ListCategories) -> Page[Category]:
    """List all categories, by name."""
    return await paging.page(ctx, CATEGORIES, input, input.sort, {})


@operation(
    "categories.get",
    who=PUBLIC,
    input=CategoryId,
    result=Category,
    errors=[CategoryNotFound],
    cached=("category:",),
)
async def get(ctx: Context, input: CategoryId) -> Category:
    """Read one category."""

    async def load() -> Category:
        category = await ctx.reader.one(CATEGORY.by_ids, ids=[input.id], **ctx.viewer_values)
        if category is None:
            raise CategoryNotFound
        return category

    return await ctx.cached(Category, input.id, load)


@operation(
    "categories.create",
    who=Permission.CATEGORIES_WRITE_ALL,
    input=CreateCategory,
    result=Category,
    errors=[SlugTaken],
    writes=True,
    emits=(types.CATEGORY_CREATED,),
    key=Key.OPTIONAL,
    cost=5,
)
async def create(ctx: Context, tx: Transaction, input: CreateCategory) -> Category:
    """Create a category."""
    category_id = ctx.new_id()
    ctx.record("category", category_id, *sorted(to_camel(name) for name in input.model_fields_set))
    try:
        await tx.all(
            INSERT_CATEGORY,
            id=category_id,
            slug=input.slug,
            name=input.name,
            description=input.description,
            created_at=ctx.now,
            **sort_columns("name", input.name),
        )
    except UniqueViolation:
        raise SlugTaken from None
    category = await _load_category(tx, category_id)
    emit(ctx, types.CATEGORY_CREATED, category, audience.of_category())
    return category


@operation(
    "categories.update",
    who=Permission.CATEGORIES_WRITE_ALL,
    input=UpdateCategory,
    result=Category,
    errors=[CategoryNotFound, SlugTaken],
    writes=True,
    emits=(types.CATEGORY_UPDATED,),
    key=Key.OPTIONAL,
    conditional=True,
)
async def update(ctx: Context, tx: Transaction, input: UpdateCategory) -> Category:
    """Change a category."""
    category = await _lock_category(ctx, tx, input.id)
    current = structs.asdict(category)
    changed = changes(input, current, empty={"description": ""})
    ctx.record("category", category.id, *sorted(to_camel(name) for name in changed))
    if changed:
        after = {**current, **changed}
        after |= sort_columns("name", after["name"])
        new = {f"new_{name}": value for name, value in after.items()}
        try:
            await tx.all(UPDATE_CATEGORY, id=category.id, **new)
        except UniqueViolation:
            raise SlugTaken from None
    stored = await _load_category(tx, category.id)
    if changed:
        emit(ctx, types.CATEGORY_UPDATED, stored, audience.of_category())
    return stored


@operation(
    "categories.delete",
    who=Permission.CATEGORIES_DELETE_ALL,
    input=CategoryId,
    result=Done,
    errors=[CategoryNotFound, CategoryInUse],
    writes=True,
    emits=(types.CATEGORY_DELETED,),
    key=Key.OPTIONAL,
    conditional=True,
)
async def delete(ctx: Context, tx: Transaction, input: CategoryId) -> Done:
    """Delete a category that has no products. Archived products count as well."""
    category = await _lock_category(ctx, tx, input.id)
    try:
        await tx.all(DELETE_CATEGORY, id=category.id)
    except ReferenceViolation:
        raise CategoryInUse from None
    emit(ctx, types.CATEGORY_DELETED, category, audience.of_category())
    return Done()


async def by_ids(
    request: Request, ids: Sequence[str], wanted: Wanted | None = None
) -> dict[str, Category]:
    """Load categories by id; relation of products."""
    rows = await request.reader.all(
        CATEGORY.of_ids(wanted), ids=list(ids), **viewer_values_for_relation(request, "categories")
    )
    return {row.id: row for row in rows}


async def _lock_category(ctx: Context, tx: Transaction, category_id: str) -> Category:
    """Lock and load the category; raises `CategoryNotFound` or `PreconditionFailed`."""
    category = await tx.one(LOCK_CATEGORY, id=category_id, **ctx.viewer_values)
    if category is None:
        raise CategoryNotFound
    ctx.refresh_now()
    ctx.record("category", category.id)
    ctx.match(category)
    return category


async def _load_category(tx: Transaction, category_id: str) -> Category:
    [category] = await tx.all(CATEGORY.stored, ids=[category_id])
    return category
