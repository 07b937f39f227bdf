"""Steps that operations on products share, inside their transaction."""

from typing import Any

from msgspec import structs
from pydantic.alias_generators import to_camel

from persistence.database.failures import ReferenceViolation
from persistence.database.statements import Query
from persistence.database.transactions import Transaction
from persistence.products.statements import LOCK_PRODUCT, UPDATE_PRODUCT
from persistence.products.views import PRODUCT, Product
from services.errors.categories import CategoryNotFound
from services.errors.products import ProductNotFound
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
    """Update the product if anything changed; returns the stored product.

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
    return await load_product(tx, product.id)


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
