"""Steps that operations on products share, inside their transaction."""

from collections.abc import Mapping
from typing import Any

from msgspec import structs
from msgspec.structs import replace
from pydantic.alias_generators import to_camel

from persistence.database.failures import ReferenceViolation
from persistence.database.statements import Query
from persistence.database.transactions import Transaction
from persistence.products.statements import LOCK_PRODUCT, UPDATE_PRODUCT
from persistence.products.views import PRODUCT, Product
from services.errors.categories import CategoryNotFound
from services.errors.products import ProductNotFound
from services.events import audience, types
from services.events.emitting import emit
from services.operation.context import Context
from services.products.texts import text_columns
from services.uploads.pictures import delete_variants


async def lock_product(ctx: Context, tx: Transaction, product_id: str) -> Product:
    """Lock and load the product; raises `ProductNotFound` or `PreconditionFailed`."""
    product = await tx.one(LOCK_PRODUCT, id=product_id, **ctx.viewer_values)
    if product is None:
        raise ProductNotFound
    ctx.refresh_now()
    ctx.record("product", product.id)
    ctx.match(product)
    return product


async def write_changes(
    ctx: Context, tx: Transaction, product: Product, changed: dict[str, Any]
) -> Product:
    """Update the product if anything changed, and tell of it; returns the stored product.

    The variants of a picture go with it, and their files are deleted.
    """
    ctx.record("product", product.id, *sorted(to_camel(name) for name in changed))
    if changed:
        if "image" in changed:
            changed = {"image_variants": [], **changed}
            await delete_variants(ctx, tx, product.image_variants)
        after = {**structs.asdict(product), **changed}
        after |= text_columns(after["name"], after["tags"], after["description"])
        new = {f"new_{name}": value for name, value in after.items()}
        await write_product(tx, UPDATE_PRODUCT, id=product.id, **new)
    stored = await load_product(tx, product.id)
    if changed:
        archived = product.is_active and not stored.is_active
        told = types.PRODUCT_ARCHIVED if archived else types.PRODUCT_UPDATED
        emit(ctx, told, stored, audience.of_product(stored, was_active=product.is_active))
    return stored


async def write_product(tx: Transaction, query: Query[None], **values: Any) -> None:
    """Insert or update a product; raises `CategoryNotFound` when its category does not exist."""
    try:
        await tx.all(query, **values)
    except ReferenceViolation:
        raise CategoryNotFound from None


async def load_product(tx: Transaction, product_id: str) -> Product:
    """Load the product as it is stored now."""
    [product] = await tx.all(PRODUCT.stored, ids=[product_id])
    return product


async def emit_low_stock(
    ctx: Context, tx: Transaction, stocks: Mapping[str, tuple[int, int]]
) -> None:
    """Tell managers of products whose stock falls to the setting `low_stock`, or below it.

    ``stocks`` has the stock before and after by product. A product that was low already is not told
    again. Reading those that became low is a round trip, which hardly any order needs.
    """
    low = ctx.settings.low_stock
    now_low = {id: after for id, (before, after) in stocks.items() if after <= low < before}
    if not now_low:
        return
    for product in await tx.all(PRODUCT.stored, ids=list(now_low)):
        told = replace(product, stock=now_low[product.id])
        emit(ctx, types.PRODUCT_STOCK_LOW, told, audience.of_stock())
