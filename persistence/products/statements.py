"""Statements that read, lock and change products and their stock."""

from decimal import Decimal

import sqlalchemy as sa
from msgspec import Struct

from persistence.database.columns import (
    UuidArray,
)
from persistence.database.rows import row_plan
from persistence.database.statements import Query, among, given, insert, insert_many, nothing
from persistence.products.tables import ProductTable, StockTable, movements, products, stock
from persistence.products.views import PRODUCT, with_stock
from persistence.search.reindexing import TextTable


class StockedProduct(Struct, frozen=True):
    """A product that is sold, and the pieces that can be ordered."""

    product_id: str
    name: str
    price: Decimal
    currency: str
    available: int


class StockLevel(Struct, frozen=True):
    """A product's pieces, read under the lock of its stock row."""

    on_hand: int
    held: int


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
    "words",
    "name_key",
    "text_version",
)
INSERT_STOCK = insert(stock, "product_id", "on_hand")
_product = products.c.id == given("id", products.c.id)
LOCK_PRODUCT = Query(
    PRODUCT.select().where(_product, PRODUCT.visible).with_for_update(key_share=True, of=products),
    PRODUCT.row,
)
PRODUCT_TEXTS = TextTable(
    products, texts=["name", "tags", "description"], made=["words", "name_key"]
)
#: Sets every column that an update may change.
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
                    "image_variants",
                    "is_active",
                    "words",
                    "name_key",
                    "text_version",
                )
            },
            products.c.version: products.c.version + 1,
        }
    ),
    nothing,
)
# For a quote, which holds no stock.
_stocked = row_plan(
    StockedProduct,
    ProductTable,
    product_id=products.c.id,
    available=stock.c.on_hand - stock.c.held,
)
STOCKED = Query(
    sa.select(*_stocked.selected)
    .select_from(with_stock)
    .where(among(stock.c.product_id), products.c.is_active),
    _stocked.row,
)
# Rows are locked in the order of their ids, so that two orders cannot deadlock.
_locked_stock = (
    sa.select(stock.c.product_id, (stock.c.on_hand - stock.c.held).label("available"))
    .where(among(stock.c.product_id))
    .order_by(stock.c.product_id)
    .with_for_update()
    .cte("locked_stock")
    .prefix_with("MATERIALIZED", dialect="postgresql")
)
# An archived product cannot be ordered. The shared lock on the product keeps its price, and that it
# is sold, true until the order is committed. It is taken after the lock on the stock: then only one
# of many orders holds the product at a time, and a change of the product gets its turn.
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
_level = row_plan(StockLevel, StockTable)
LOCK_STOCK_LEVEL = Query(sa.select(*_level.selected).where(_stock).with_for_update(), _level.row)
SET_ON_HAND = Query(
    sa.update(stock).where(_stock).values(on_hand=given("new_on_hand", stock.c.on_hand)), nothing
)
INSERT_ADJUSTMENT = insert(movements, "id", "product_id", "kind", "quantity", "note", "created_at")
INSERT_MOVEMENTS = insert_many(
    movements, ["kind", "order_id", "created_at"], ["id", "product_id", "quantity"]
)
