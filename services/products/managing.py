"""Operations of managers: create, change and archive products, and adjust their stock."""

from typing import Annotated, Any, Self

from msgspec import structs
from pydantic import Field, model_validator
from pydantic.alias_generators import to_camel

from persistence.database.transactions import Transaction
from persistence.products.statements import (
    INSERT_ADJUSTMENT,
    INSERT_MOVEMENTS,
    INSERT_PRODUCT,
    INSERT_STOCK,
    LOCK_STOCK_LEVEL,
    SET_ON_HAND,
)
from persistence.products.tables import MovementKind
from persistence.products.views import PRODUCT, Product
from services.access.permissions import Permission
from services.amounts import Price
from services.done import Done
from services.errors.base import FieldError
from services.errors.categories import CategoryNotFound
from services.errors.common import Forbidden, Internal, ValidationFailed
from services.errors.products import OutOfStock, ProductNotFound, StockChanged
from services.events import audience, types
from services.events.emitting import emit
from services.operation.context import Context
from services.operation.declaration import Key
from services.operation.inputs import (
    Input,
    Lines,
    Metadata,
    NameLine,
    PathId,
    Reference,
    Url,
    wrong,
)
from services.operation.operation import operation
from services.operation.patches import ABSENT, Patch, changes
from services.products import steps
from services.products.reading import ProductId
from services.products.texts import text_columns
from services.tags import Tags

#: Highest stock of a product. It is far above any real stock, and sums fit an integer column.
MOST_PIECES = 1_000_000


#: The value that null gives to a field that may be empty.
_CLEARED: dict[str, Any] = {"description": "", "tags": [], "metadata": {}}


_CHANGED = (types.PRODUCT_UPDATED, types.PRODUCT_ARCHIVED)

Name = Annotated[NameLine, Field(min_length=1, max_length=200)]
Description = Annotated[Lines, Field(max_length=2000)]
Pieces = Annotated[int, Field(ge=0, le=MOST_PIECES)]


class CreateProduct(Input):
    """A new product."""

    name: Name = Field(description="Name shown to people.", examples=["Walnut desk lamp"])
    description: Description = Field("", description="What the product is, in a few sentences.")
    price: Price = Field(description="Price of one piece, including tax.", examples=["49.90"])
    category_id: Reference = Field(description="Id of the product's category.")
    tags: Tags = Field(
        [], description="Tags to filter by. In whatever case, a tag is kept once, as spelled first."
    )
    metadata: Metadata = Field({}, description="Any facts about the product, as a JSON object.")
    image: Url | None = Field(
        None, description="URL of a picture.", examples=["https://example.com/lamp.jpg"]
    )
    stock: Pieces = Field(0, description="Number of pieces on hand at first; 0 if absent.")


class UpdateProduct(Patch):
    """The changes to a product. Absent fields stay as they are."""

    id: PathId = Field(description="The product's id.")
    name: Name = Field(ABSENT, description="Name shown to people.", examples=["Walnut desk lamp"])
    description: Description | None = Field(
        None, description="What the product is, in a few sentences; null clears it."
    )
    price: Price = Field(
        ABSENT, description="Price of one piece, including tax.", examples=["49.90"]
    )
    category_id: Reference = Field(ABSENT, description="Id of the product's category.")
    tags: Tags | None = Field(
        None, description="Tags to filter by; they replace all earlier tags, and null clears them."
    )
    metadata: Metadata | None = Field(
        None,
        description=(
            "Facts to merge into the present ones. Null as a value removes that fact; null in "
            "place of the object removes all facts."
        ),
    )
    image: Url | None = Field(
        None,
        description="URL of a picture; null clears it.",
        examples=["https://example.com/lamp.jpg"],
    )
    is_active: bool = Field(
        ABSENT,
        description="False archives the product, true restores it; admins only.",
    )


class AdjustStock(Patch):
    """A change to the stock, or a new stock in place of the expected one."""

    rules = (
        {"oneOf": [{"required": ["delta"]}, {"required": ["stock"]}]},
        {"dependentRequired": {"stock": ["expected"], "expected": ["stock"]}},
    )
    sample = {"delta": 12, "reason": "A delivery."}

    id: PathId = Field(description="The product's id.")
    delta: Annotated[int, Field(ge=-MOST_PIECES, le=MOST_PIECES)] = Field(
        ABSENT,
        description="Number of pieces to add, or to remove if negative; not 0.",
        examples=[12],
        json_schema_extra={"not": {"const": 0}},
    )
    stock: Pieces = Field(
        ABSENT,
        description="The new stock as products show it, without the pieces that orders hold.",
    )
    expected: Pieces = Field(
        ABSENT, description="The stock that the caller last saw; required with stock."
    )
    reason: Annotated[Lines, Field(min_length=1, max_length=500)] | None = Field(
        None, description="Reason, kept with the stock movement."
    )

    @model_validator(mode="after")
    def _delta_or_stock(self) -> Self:
        given = self.given
        if "delta" in given:
            if given.keys() & {"stock", "expected"}:
                raise wrong("CONFLICT", "Give delta, or stock with expected.", "delta")
            if self.delta == 0:
                raise wrong("TOO_SMALL", "Give a number other than 0.", "delta")
            return self
        if "stock" not in given:
            raise wrong("REQUIRED", "Give delta, or stock with expected.", "stock")
        if "expected" not in given:
            raise wrong("REQUIRED", "Give the stock that you last saw.", "expected")
        return self


@operation(
    "products.create",
    who=Permission.PRODUCTS_WRITE_ALL,
    input=CreateProduct,
    result=Product,
    errors=[CategoryNotFound],
    writes=True,
    emits=(types.PRODUCT_CREATED,),
    key=Key.OPTIONAL,
    cost=5,
)
async def create(ctx: Context, tx: Transaction, input: CreateProduct) -> Product:
    """Create a product, with its first stock."""
    product_id = ctx.new_id()
    ctx.record("product", product_id, *sorted(to_camel(name) for name in input.model_fields_set))
    await steps.write_product(
        tx,
        INSERT_PRODUCT,
        id=product_id,
        name=input.name,
        description=input.description,
        price=input.price,
        currency=ctx.settings.currency,
        category_id=input.category_id,
        tags=input.tags,
        metadata=input.metadata,
        image=input.image,
        created_at=ctx.now,
        **text_columns(input.name, input.tags, input.description),
    )
    await tx.write(INSERT_STOCK, product_id=product_id, on_hand=input.stock)
    if input.stock:
        await tx.all(
            INSERT_MOVEMENTS,
            kind=MovementKind.RECEIVED,
            order_id=None,
            created_at=ctx.now,
            id=[ctx.new_id()],
            product_id=[product_id],
            quantity=[input.stock],
        )
    product = await steps.load_product(tx, product_id)
    emit(ctx, types.PRODUCT_CREATED, product, audience.of_product(product))
    return product


@operation(
    "products.update",
    who=Permission.PRODUCTS_WRITE_ALL,
    input=UpdateProduct,
    result=Product,
    errors=[ProductNotFound, CategoryNotFound],
    writes=True,
    emits=_CHANGED,
    key=Key.OPTIONAL,
    conditional=True,
)
async def update(ctx: Context, tx: Transaction, input: UpdateProduct) -> Product:
    """Change a product. Orders keep the price at which they were placed.

    Changing isActive needs the permission to archive products. Use products.adjustStock to change
    the stock.
    """
    product = await steps.lock_product(ctx, tx, input.id)
    changed = changes(input, structs.asdict(product), empty=_CLEARED)
    may_archive = ctx.caller is None or ctx.caller.may(Permission.PRODUCTS_DELETE_ALL)
    if "is_active" in changed and not may_archive:
        raise Forbidden
    return await steps.write_changes(ctx, tx, product, changed)


@operation(
    "products.archive",
    who=Permission.PRODUCTS_DELETE_ALL,
    input=ProductId,
    result=Done,
    errors=[ProductNotFound],
    writes=True,
    emits=_CHANGED,
    key=Key.OPTIONAL,
    conditional=True,
)
async def archive(ctx: Context, tx: Transaction, input: ProductId) -> Done:
    """Archive a product: take it off sale and hide it from everybody below manager.

    Orders of the product are not affected. Updating it with isActive true restores it. Archiving
    an archived product changes nothing.
    """
    product = await steps.lock_product(ctx, tx, input.id)
    await steps.write_changes(ctx, tx, product, {"is_active": False} if product.is_active else {})
    return Done()


@operation(
    "products.adjustStock",
    who=Permission.PRODUCTS_WRITE_ALL,
    input=AdjustStock,
    result=Product,
    errors=[ProductNotFound, StockChanged, OutOfStock],
    writes=True,
    emits=(types.PRODUCT_STOCK_LOW,),
    key=Key.REQUIRED,
)
async def adjust_stock(ctx: Context, tx: Transaction, input: AdjustStock) -> Product:
    """Change a product's stock by delta, or set it if the stock is still the expected one.

    All numbers mean the stock that products show: the pieces that can be ordered now. Pieces that
    orders hold are neither counted nor removed. A positive delta is recorded as pieces received,
    any other change as an adjustment.
    """
    if await tx.one(PRODUCT.by_ids, ids=[input.id], **ctx.viewer_values) is None:
        raise ProductNotFound
    ctx.record("product", input.id)
    level = await tx.one(LOCK_STOCK_LEVEL, product_id=input.id)
    if level is None:
        raise Internal
    ctx.refresh_now()
    quantity = _quantity_to_move(input, level.on_hand - level.held)
    if level.on_hand + quantity > MOST_PIECES:
        field = "delta" if "delta" in input.given else "stock"
        message = f"At most {MOST_PIECES} pieces can be on hand, including {level.held} held ones."
        raise ValidationFailed(fields=[FieldError(field, "TOO_LARGE", message)])
    if quantity:
        ctx.record("product", input.id, "stock")
        received = "delta" in input.given and quantity > 0
        await tx.write(SET_ON_HAND, product_id=input.id, new_on_hand=level.on_hand + quantity)
        await tx.write(
            INSERT_ADJUSTMENT,
            id=ctx.new_id(),
            product_id=input.id,
            kind=MovementKind.RECEIVED if received else MovementKind.ADJUSTED,
            quantity=quantity,
            note=input.reason,
            created_at=ctx.now,
        )
    product = await steps.load_product(tx, input.id)
    if product.stock <= ctx.settings.low_stock < level.on_hand - level.held:
        emit(ctx, types.PRODUCT_STOCK_LOW, product, audience.of_stock())
    return product


def _quantity_to_move(input: AdjustStock, stock: int) -> int:
    """The number of pieces to add, or to remove if negative.

    Raises `StockChanged` or `OutOfStock`.
    """
    if "delta" in input.given:
        if stock + input.delta < 0:
            short = FieldError("delta", "OUT_OF_STOCK", f"Only {stock} pieces can be removed.")
            raise OutOfStock(fields=[short])
        return input.delta
    if input.expected != stock:
        raise StockChanged(details={"stock": stock})
    return input.stock - stock
