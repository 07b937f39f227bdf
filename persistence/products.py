"""Products and their stock."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

import sqlalchemy as sa
from msgspec import Meta, Struct
from sqlalchemy.dialects.postgresql import TSVECTOR, array
from sqlmodel import SQLModel

from persistence.categories import CATEGORY, categories
from persistence.database.columns import (
    Json,
    Money,
    SortableText,
    TextArray,
    UuidArray,
    checked,
    column,
    computed,
    currency,
    identifier,
    instant,
    named,
    reference,
    table_of,
)
from persistence.database.listing import Listing, Sort, ascending, descending
from persistence.database.statements import Query, among, given, insert, insert_many, nothing
from persistence.database.views import sees_all, view

_SEARCH = (
    "setweight(to_tsvector('english', name), 'A') || "
    "setweight(to_tsvector('english', tandem_words(tags)), 'B') || "
    "setweight(to_tsvector('english', description), 'C')"
)


class ProductTable(SQLModel, table=True):
    """Something the shop sells."""

    __tablename__ = named("products")
    __table_args__ = (
        checked("char_length(name) BETWEEN 3 AND 200", "name"),
        checked("char_length(description) <= 2000", "description"),
        checked("price > 0 AND price <= 999999999.99", "price"),
        checked("cardinality(tags) <= 10", "tags"),
        checked("jsonb_typeof(metadata) = 'object'", "metadata"),
        sa.Index("products_name_id_idx", "name", "id"),
        sa.Index("products_price_id_idx", "price", "id"),
        sa.Index("products_created_at_id_idx", "created_at", "id"),
        sa.Index("products_category_id_created_at_id_idx", "category_id", "created_at", "id"),
        sa.Index("products_tags_idx", "tags", postgresql_using="gin"),
        sa.Index("products_search_idx", "search", postgresql_using="gin"),
    )

    id: str = identifier()
    name: str = column(SortableText)
    description: str = column(sa.Text, "''")
    price: Decimal = column(Money)
    currency: str = currency()
    category_id: str = reference("categories.id", index=False)
    tags: list[str] = column(TextArray, "'{}'")
    # Declarative classes keep the attribute "metadata" for themselves.
    meta: dict[str, Any] = column(Json, "'{}'", name="metadata")
    image: str | None = column(sa.Text, nullable=True)
    is_active: bool = column(sa.Boolean, "true")
    version: int = column(sa.Integer, "1")
    created_at: datetime = instant()
    updated_at: datetime = instant()
    search: Any = computed(TSVECTOR, _SEARCH)


class MovementKind(StrEnum):
    """Why pieces came or went."""

    RECEIVED = "RECEIVED"
    ADJUSTED = "ADJUSTED"
    SOLD = "SOLD"
    RETURNED = "RETURNED"


class StockTable(SQLModel, table=True):
    """How many pieces of a product lie in the shop, and how many of them are promised."""

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
    """Pieces that came or went; the sum of a product's movements is what is on hand."""

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


class Product(Struct, frozen=True, rename="camel"):
    """Something the shop sells."""

    id: Annotated[str, Meta(description="UUIDv7.")]
    name: Annotated[str, Meta(description="Name shown to people.")]
    description: Annotated[str, Meta(description="What it is, in a few sentences.")]
    price: Annotated[Decimal, Meta(description="Price of one piece, tax included.")]
    currency: Annotated[str, Meta(description="ISO 4217 code of the price.")]
    category_id: Annotated[str, Meta(description="The category it is found in.")]
    tags: Annotated[list[str], Meta(description="Words to filter by.")]
    metadata: Annotated[dict[str, Any], Meta(description="Free facts about the product.")]
    image: Annotated[str | None, Meta(description="Address of a picture.")]
    is_active: Annotated[bool, Meta(description="False once it is no longer sold.")]
    stock: Annotated[int, Meta(description="Pieces that can be ordered now: on hand less held.")]
    version: Annotated[int, Meta(description="Counts the changes of this product.")]
    created_at: Annotated[datetime, Meta(description="When the product was made.")]
    updated_at: Annotated[datetime, Meta(description="When the product last changed.")]


class StockedProduct(Struct, frozen=True):
    """What an order needs to know of a product."""

    product_id: str
    name: str
    price: Decimal
    currency: str
    available: int


class StockLevel(Struct, frozen=True):
    """A product's pieces, read under the lock of its stock row."""

    on_hand: int
    held: int


products = table_of(ProductTable)
stock = table_of(StockTable)
movements = table_of(StockMovementTable)
_with_stock = products.join(stock, stock.c.product_id == products.c.id)

PRODUCT = view(
    Product,
    ProductTable,
    stock=stock.c.on_hand - stock.c.held,
    source=_with_stock,
    visible=sa.or_(products.c.is_active, sees_all),
    joins={"category_id": CATEGORY},
)

_search = sa.func.websearch_to_tsquery(
    sa.literal_column("'english'::regconfig"), given("search", products.c.description)
)

PRODUCTS = Listing(
    PRODUCT,
    always=PRODUCT.visible,
    sorts={
        "-createdAt": descending(PRODUCT, "created_at"),
        "createdAt": ascending(PRODUCT, "created_at"),
        "name": ascending(PRODUCT, "name"),
        "-name": descending(PRODUCT, "name"),
        "price": ascending(PRODUCT, "price"),
        "-price": descending(PRODUCT, "price"),
        "relevance": Sort(sa.func.ts_rank(products.c.search, _search), True, None),
    },
    filters={
        "category": products.c.category_id
        == sa.select(categories.c.id)
        .where(categories.c.slug == given("category", categories.c.slug))
        .scalar_subquery(),
        "categoryId": products.c.category_id == given("categoryId", products.c.category_id),
        "tag": products.c.tags.contains(sa.cast(array([given("tag", products.c.name)]), TextArray)),
        "minPrice": products.c.price >= given("minPrice", products.c.price),
        "maxPrice": products.c.price <= given("maxPrice", products.c.price),
        "inStock": (stock.c.on_hand > stock.c.held) == given("inStock", products.c.is_active),
        "search": products.c.search.bool_op("@@")(_search),
    },
)

INSERT_PRODUCT = insert(
    products,
    "id",
    "name",
    "description",
    "price",
    "currency",
    "category_id",
    "tags",
    "metadata",
    "image",
    "created_at",
)
INSERT_STOCK = insert(stock, "product_id", "on_hand")
_product = products.c.id == given("id", products.c.id)
LOCK_PRODUCT = Query(
    PRODUCT.select().where(_product, PRODUCT.visible).with_for_update(key_share=True, of=products),
    PRODUCT.row,
)
#: Everything that may change in a product, whether it does or not.
UPDATE_PRODUCT = Query(
    sa.update(products)
    .where(_product)
    .values(
        {
            **{
                products.c[name]: given(f"new_{name}", products.c[name])
                for name in (
                    "name",
                    "description",
                    "price",
                    "category_id",
                    "tags",
                    "metadata",
                    "image",
                    "is_active",
                )
            },
            products.c.version: products.c.version + 1,
        }
    ),
    nothing,
)
# What an order needs to know where nothing is to be held.
STOCKED = Query(
    sa.select(
        products.c.id,
        products.c.name,
        products.c.price,
        products.c.currency,
        stock.c.on_hand - stock.c.held,
    )
    .select_from(_with_stock)
    .where(among(stock.c.product_id), products.c.is_active),
    StockedProduct,
)
# Rows are locked in the order of their ids, so that two orders never wait for each other in turn.
_locked_stock = (
    sa.select(stock.c.product_id, (stock.c.on_hand - stock.c.held).label("available"))
    .where(among(stock.c.product_id))
    .order_by(stock.c.product_id)
    .with_for_update()
    .cte("locked_stock")
    .prefix_with("MATERIALIZED", dialect="postgresql")
)
# Only what is sold now can be ordered; what was sold before can still be given back. The product is
# locked as well, shared: its price and that it is sold are true until the order is there. It comes
# after its stock: of many orders for it then one holds it, so that whoever changes it gets a turn.
LOCKED_PRODUCTS = (
    sa.select(
        products.c.id,
        products.c.name,
        products.c.price,
        products.c.currency,
        _locked_stock.c.available,
    )
    .join_from(products, _locked_stock, _locked_stock.c.product_id == products.c.id)
    .where(products.c.is_active)
    .order_by(products.c.id)
    .with_for_update(read=True, of=products)
)
LOCK_STOCK_ROWS = Query(
    sa.select(stock.c.product_id)
    .where(among(stock.c.product_id))
    .order_by(stock.c.product_id)
    .with_for_update(),
    nothing,
)

_changes = (
    sa.func.unnest(
        sa.bindparam("ids", type_=UuidArray),
        sa.bindparam("quantities", type_=sa.ARRAY(sa.Integer)),
    )
    .table_valued(
        sa.column("product_id", stock.c.product_id.type),
        sa.column("quantity", sa.Integer),
    )
    .render_derived(name="changes")
)


def _stock_change(**columns: sa.ColumnElement[int]) -> Query[None]:
    """Set columns of the stock rows that the changes name."""
    changed = stock.c.product_id == _changes.c.product_id
    return Query(sa.update(stock).where(changed).values(**columns), nothing)


_quantity = _changes.c.quantity
HOLD_STOCK = _stock_change(held=stock.c.held + _quantity)
RELEASE_STOCK = _stock_change(held=stock.c.held - _quantity)
SELL_STOCK = _stock_change(on_hand=stock.c.on_hand - _quantity, held=stock.c.held - _quantity)
RETURN_STOCK = _stock_change(on_hand=stock.c.on_hand + _quantity)
_stock = stock.c.product_id == given("product_id", stock.c.product_id)
LOCK_STOCK_LEVEL = Query(
    sa.select(stock.c.on_hand, stock.c.held).where(_stock).with_for_update(), StockLevel
)
SET_ON_HAND = Query(
    sa.update(stock).where(_stock).values(on_hand=given("new_on_hand", stock.c.on_hand)), nothing
)
INSERT_ADJUSTMENT = insert(movements, "id", "product_id", "kind", "quantity", "note", "created_at")
INSERT_MOVEMENTS = insert_many(
    movements, ["kind", "order_id", "created_at"], ["id", "product_id", "quantity"]
)
