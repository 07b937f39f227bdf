"""Operations on the pictures of products."""

from pydantic import Field

from persistence.database.transactions import Transaction
from persistence.products.views import Product
from persistence.uploads.tables import UploadPurpose
from services.access.permissions import Permission
from services.done import Done
from services.errors.products import ProductNotFound
from services.errors.uploads import ImageInvalid, UploadNotFound, UploadNotReady
from services.events import types
from services.operation.context import Context
from services.operation.declaration import Key
from services.operation.inputs import Reference
from services.operation.operation import operation
from services.products import steps
from services.products.reading import ProductId
from services.uploads import pictures


class SetProductImage(ProductId):
    """The upload of the product's picture."""

    upload_id: Reference = Field(
        description="An upload of the caller's, for the purpose PRODUCT_IMAGE."
    )


async def _prepare(ctx: Context, input: SetProductImage) -> pictures.Prepared | None:
    return await pictures.prepare_picture(ctx, input.upload_id, UploadPurpose.PRODUCT_IMAGE)


@operation(
    "products.setImage",
    who=Permission.PRODUCTS_WRITE_ALL,
    input=SetProductImage,
    result=Product,
    errors=[ProductNotFound, UploadNotFound, UploadNotReady, ImageInvalid],
    writes=True,
    emits=(types.PRODUCT_UPDATED,),
    key=Key.OPTIONAL,
    conditional=True,
    prepare=_prepare,
    cost=20,
)
async def set_image(ctx: Context, tx: Transaction, input: SetProductImage) -> Product:
    """Set a product's picture from an upload, in three sizes.

    The picture is decoded and written anew: it stands upright, and what a camera wrote into the
    file is gone. It replaces the present picture, whose files are deleted. The upload is used up.
    """
    product = await steps.lock_product(ctx, tx, input.id)
    found = await pictures.use_picture(ctx, tx, input.upload_id, UploadPurpose.PRODUCT_IMAGE)
    changed = {"image": found["address"], "image_variants": found["variants"]}
    return await steps.write_changes(ctx, tx, product, changed)


@operation(
    "products.removeImage",
    who=Permission.PRODUCTS_WRITE_ALL,
    input=ProductId,
    result=Done,
    errors=[ProductNotFound],
    writes=True,
    emits=(types.PRODUCT_UPDATED,),
    key=Key.OPTIONAL,
    conditional=True,
)
async def remove_image(ctx: Context, tx: Transaction, input: ProductId) -> Done:
    """Remove a product's picture, with the files of an uploaded one."""
    product = await steps.lock_product(ctx, tx, input.id)
    await steps.write_changes(ctx, tx, product, {"image": None} if product.image else {})
    return Done()
