"""Categories of products."""

from datetime import datetime
from typing import Annotated

import sqlalchemy as sa
from msgspec import Meta, Struct
from sqlmodel import SQLModel

from persistence.database.columns import (
    SortableText,
    checked,
    column,
    identifier,
    instant,
    named,
    table_of,
)
from persistence.database.listing import Listing
from persistence.database.statements import Query, given, insert, nothing
from persistence.database.views import view
from persistence.search.reindexing import TextTable
from persistence.search.texts import by_text, sort_order


class CategoryTable(SQLModel, table=True):
    """A group of products in the shop."""

    __tablename__ = named("categories")
    __table_args__ = (
        checked("char_length(name) BETWEEN 1 AND 100", "name"),
        checked("slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'", "slug"),
        checked("char_length(slug) <= 100", "slug_length"),
        checked("char_length(description) <= 2000", "description"),
        sa.Index("categories_name_id_idx", "name", "id"),
        sa.Index("categories_text_version_idx", "text_version"),
    )

    id: str = identifier()
    slug: str = column(SortableText, unique=True)
    name: str = column(SortableText)
    description: str = column(sa.Text, "''")
    version: int = column(sa.Integer, "1")
    created_at: datetime = instant()
    updated_at: datetime = instant()
    name_key: str | None = column(SortableText, nullable=True)
    text_version: int = column(sa.SmallInteger, "0")


class Category(Struct, frozen=True, rename="camel"):
    """A group of products in the shop."""

    id: Annotated[str, Meta(description="UUIDv7.")]
    slug: Annotated[str, Meta(description="Short name in addresses; unique.")]
    name: Annotated[str, Meta(description="Name shown to people.")]
    description: Annotated[str, Meta(description="What kind of products the category holds.")]
    version: Annotated[int, Meta(description="Counts the changes of this category.")]
    created_at: Annotated[datetime, Meta(description="When the category was made.")]
    updated_at: Annotated[datetime, Meta(description="When the category last changed.")]


categories = table_of(CategoryTable)
name_order = sort_order(categories.c.name_key, categories.c.name, categories.c.text_version)
sa.Index("categories_name_order_id_idx", name_order, categories.c.id)

CATEGORY = view(Category, CategoryTable, visible=sa.true())
_this = categories.c.id == given("id", categories.c.id)
# FOR NO KEY UPDATE: products may be put into a category that is being renamed.
LOCK_CATEGORY = Query(
    CATEGORY.select().where(_this, CATEGORY.visible).with_for_update(key_share=True), CATEGORY.row
)
INSERT_CATEGORY = insert(
    categories, "id", "slug", "name", "description", "created_at", "name_key", "text_version"
)
CATEGORY_TEXTS = TextTable(categories, texts=["name"], made=["name_key"])
UPDATE_CATEGORY = Query(
    sa.update(categories)
    .where(_this)
    .values(
        slug=given("new_slug", categories.c.slug),
        name=given("new_name", categories.c.name),
        description=given("new_description", categories.c.description),
        name_key=given("new_name_key", categories.c.name_key),
        text_version=given("new_text_version", categories.c.text_version),
        version=categories.c.version + 1,
    ),
    nothing,
)
# The database refuses it while a product is in the category, or is being put there.
DELETE_CATEGORY = Query(sa.delete(categories).where(_this), nothing)

CATEGORIES = Listing(
    CATEGORY,
    sorts={"name": by_text(name_order), "-name": by_text(name_order, descending=True)},
)
