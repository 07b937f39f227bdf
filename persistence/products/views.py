"""Products as they are shown."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import sqlalchemy as sa
from msgspec import Meta, Struct
from sqlalchemy.dialects.postgresql import array

from persistence.categories import CATEGORY, categories
from persistence.database.columns import (
    TextArray,
)
from persistence.database.listing import Listing, ascending, descending
from persistence.database.statements import given
from persistence.database.views import sees_all, view
from persistence.products.tables import (
    ProductTable,
    folded_tags,
    name_order,
    products,
    stock,
)
from persistence.search.texts import Searched, by_text
from persistence.uploads.images import ImageVariant, shown_variants


class Product(Struct, frozen=True, rename="camel"):
    """Something the shop sells."""

    id: Annotated[str, Meta(description="UUIDv7.")]
    name: Annotated[str, Meta(description="Name shown to people.")]
    description: Annotated[str, Meta(description="A description in a few sentences.")]
    price: Annotated[Decimal, Meta(description="Price of one piece, tax included.")]
    currency: Annotated[str, Meta(description="ISO 4217 code of the price.")]
    category_id: Annotated[str, Meta(description="The product's category.")]
    tags: Annotated[list[str], Meta(description="Words that lists can be filtered by.")]
    metadata: Annotated[
        dict[str, Any], Meta(description="Further facts about the product, of any shape.")
    ]
    image: Annotated[str | None, Meta(description="Address of a picture.")]
    image_variants: Annotated[
        list[ImageVariant],
        Meta(description="The picture in each size; empty unless it was uploaded here."),
    ]
    is_active: Annotated[bool, Meta(description="False once it is no longer sold.")]
    stock: Annotated[
        int,
        Meta(description="Pieces that can be ordered now: on hand, less those held."),
    ]
    version: Annotated[int, Meta(description="Counts the changes of this product.")]
    created_at: Annotated[datetime, Meta(description="When the product was made.")]
    updated_at: Annotated[datetime, Meta(description="When the product last changed.")]


with_stock = products.join(stock, stock.c.product_id == products.c.id)

PRODUCT = view(
    Product,
    ProductTable,
    stock=stock.c.on_hand - stock.c.held,
    image_variants=shown_variants(products.c.image_variants),
    source=with_stock,
    visible=sa.or_(products.c.is_active, sees_all),
    joins={"category_id": CATEGORY},
)

_searched = Searched(products.c.words, products.c.text_version, products.c.search)
_folded_tag = sa.func.tandem_folded(
    sa.cast(array([given("tag", products.c.name)]), TextArray), type_=TextArray
)

PRODUCTS = Listing(
    PRODUCT,
    always=PRODUCT.visible,
    sorts={
        "-createdAt": descending(PRODUCT, "created_at"),
        "createdAt": ascending(PRODUCT, "created_at"),
        "name": by_text(name_order),
        "-name": by_text(name_order, descending=True),
        "price": ascending(PRODUCT, "price"),
        "-price": descending(PRODUCT, "price"),
        "relevance": _searched.relevance,
    },
    filters={
        "category": products.c.category_id
        == sa.select(categories.c.id)
        .where(categories.c.slug == given("category", categories.c.slug))
        .scalar_subquery(),
        "categoryId": products.c.category_id == given("categoryId", products.c.category_id),
        "tag": folded_tags.contains(_folded_tag),
        "minPrice": products.c.price >= given("minPrice", products.c.price),
        "maxPrice": products.c.price <= given("maxPrice", products.c.price),
        "inStock": (stock.c.on_hand > stock.c.held) == given("inStock", products.c.is_active),
        "search": _searched.found,
    },
    first=frozenset({"search"}),
)
