"""The tables of products, their stock, and its movements."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlmodel import SQLModel

from persistence.database.columns import (
    Json,
    Money,
    SortableText,
    TextArray,
    checked,
    column,
    computed,
    currency,
    identifier,
    instant,
    named,
    reference,
    scaled,
    table_of,
)
from persistence.search.texts import sort_order
from persistence.uploads.images import NO_VARIANTS, Variants

_SEARCH = (
    "setweight(to_tsvector('english', name), 'A') || "
    "setweight(to_tsvector('english', tandem_words(tags)), 'B') || "
    "setweight(to_tsvector('english', description), 'C')"
)


class ProductTable(SQLModel, table=True):
    """Something the shop sells."""

    __tablename__ = named("products")
    __table_args__ = (
        checked("char_length(name) BETWEEN 1 AND 200", "name"),
        checked("char_length(description) <= 2000", "description"),
        checked("price > 0 AND price <= 999999999.99", "price"),
        scaled("price"),
        checked("cardinality(tags) <= 10", "tags"),
        checked("jsonb_typeof(metadata) = 'object'", "metadata"),
        checked("jsonb_typeof(image_variants) = 'array'", "image_variants"),
        sa.Index("products_name_id_idx", "name", "id"),
        sa.Index("products_price_id_idx", "price", "id"),
        sa.Index("products_created_at_id_idx", "created_at", "id"),
        sa.Index("products_category_id_created_at_id_idx", "category_id", "created_at", "id"),
        sa.Index("products_search_idx", "search", postgresql_using="gin"),
        sa.Index("products_words_idx", "words", postgresql_using="gin"),
        sa.Index("products_text_version_idx", "text_version"),
    )

    id: str = identifier()
    name: str = column(SortableText)
    description: str = column(sa.Text, "''")
    price: Decimal = column(Money)
    currency: str = currency()
    category_id: str = reference("categories.id", index=False)
    tags: list[str] = column(TextArray, "'{}'")
    # SQLAlchemy reserves the attribute "metadata" of its classes.
    meta: dict[str, Any] = column(Json, "'{}'", name="metadata")
    image: str | None = column(sa.Text, nullable=True)
    is_active: bool = column(sa.Boolean, "true")
    version: int = column(sa.Integer, "1")
    created_at: datetime = instant()
    updated_at: datetime = instant()
    #: English words, for rows that have no `words` yet.
    search: Any = computed(TSVECTOR, _SEARCH)
    words: Any = column(TSVECTOR, nullable=True)
    name_key: str | None = column(SortableText, nullable=True)
    text_version: int = column(sa.SmallInteger, "0")
    #: The image in each size.
    image_variants: list[Any] = column(Variants, NO_VARIANTS)


class MovementKind(StrEnum):
    """The reason of a movement of stock."""

    RECEIVED = "RECEIVED"
    ADJUSTED = "ADJUSTED"
    SOLD = "SOLD"
    RETURNED = "RETURNED"


class StockTable(SQLModel, table=True):
    """How many pieces of a product are on hand, and how many of these unpaid orders hold."""

    __tablename__ = named("stock")
    __table_args__ = (
        checked("on_hand >= 0", "on_hand"),
        checked("held >= 0", "held"),
        checked("held <= on_hand", "held_on_hand"),
    )

    product_id: str = reference("products.id", primary_key=True, index=False)
    on_hand: int = column(sa.Integer, "0")
    held: int = column(sa.Integer, "0")
    updated_at: datetime = instant()


class StockMovementTable(SQLModel, table=True):
    """A movement of stock. A product's movements sum to its pieces on hand."""

    __tablename__ = named("stock_movements")
    __table_args__ = (
        checked("kind IN ('RECEIVED', 'ADJUSTED', 'SOLD', 'RETURNED')", "kind"),
        checked("quantity <> 0", "quantity"),
        checked("char_length(note) BETWEEN 1 AND 500", "note"),
    )

    id: str = identifier()
    product_id: str = reference("products.id")
    kind: str = column(sa.Text)
    quantity: int = column(sa.Integer)
    order_id: str | None = reference("orders.id", nullable=True)
    created_at: datetime = instant()
    note: str | None = column(sa.Text, nullable=True)


products = table_of(ProductTable)
name_order = sort_order(products.c.name_key, products.c.name, products.c.text_version)
sa.Index("products_name_order_id_idx", name_order, products.c.id)
stock = table_of(StockTable)
movements = table_of(StockMovementTable)
#: The tags in one case, as lists look for them.
folded_tags = sa.func.tandem_folded(products.c.tags, type_=TextArray)
sa.Index("products_tags_idx", folded_tags, postgresql_using="gin")
