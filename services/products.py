"""Products: what the shop sells."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from persistence.categories import CATEGORY
from persistence.database import Transaction
from persistence.products import (
    INSERT_MOVEMENTS,
    INSERT_PRODUCT,
    INSERT_STOCK,
    PRODUCT,
    PRODUCTS,
    MovementKind,
    Product,
)
from services.core import paging
from services.core.callers import glimpse
from services.core.context import Context, Request
from services.core.errors import CategoryNotFound, ProductNotFound
from services.core.inputs import (
    Bound,
    Flag,
    Input,
    Line,
    Lines,
    Metadata,
    PathId,
    Price,
    Reference,
    wrong,
)
from services.core.operation import Key, operation
from services.core.paging import Page, Paged
from services.core.permissions import PUBLIC, Permission

Tag = Annotated[Line, Field(min_length=1, max_length=50)]
ProductSort = Literal["-createdAt", "createdAt", "name", "-name", "price", "-price", "relevance"]


class ProductId(Input):
    """Which product."""

    id: PathId = Field(description="The product's id.")


class ListProducts(Paged):
    """Which products, in which order."""

    category: Annotated[Line, Field(min_length=1, max_length=100)] | None = Field(
        None, description="Slug of the category."
    )
    category_id: Reference | None = Field(None, description="Id of the category.")
    tag: Tag | None = Field(None, description="A tag the product carries.")
    min_price: Bound | None = Field(None, description="Least price.")
    max_price: Bound | None = Field(None, description="Highest price; above minPrice.")
    in_stock: Flag | None = Field(None, description="Only what can be ordered now, or cannot.")
    search: Annotated[Line, Field(min_length=1, max_length=200)] | None = Field(
        None, description="Words in name, tags or description; quotes and - work as usual."
    )
    sort: ProductSort = Field("-createdAt", description="Order of the list.")

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        low, high = self.min_price, self.max_price
        if low is not None and high is not None and high <= low:
            raise wrong("CONFLICT", "Give a maxPrice above minPrice.", "maxPrice")
        if self.sort == "relevance" and self.search is None:
            raise wrong("CONFLICT", "Sort by relevance needs a search.", "sort")
        return self

    def filters(self) -> dict[str, Any]:
        """The filters by the names the listing knows them by."""
        return {
            "category": self.category,
            "categoryId": self.category_id,
            "tag": self.tag,
            "minPrice": self.min_price,
            "maxPrice": self.max_price,
            "inStock": self.in_stock,
            "search": self.search,
        }


class CreateProduct(Input):
    """A new product."""

    name: Annotated[Line, Field(min_length=3, max_length=200)] = Field(
        description="Name shown to people.", examples=["Walnut desk lamp"]
    )
    description: Annotated[Lines, Field(max_length=2000)] = Field(
        "", description="What it is, in a few sentences."
    )
    price: Price = Field(description="Price of one piece, tax included.", examples=["49.90"])
    category_id: Reference = Field(description="The category it is found in.")
    tags: Annotated[list[Tag], Field(max_length=10)] = Field([], description="Words to filter by.")
    metadata: Metadata = Field({}, description="Free facts about the product.")
    image: Annotated[Line, Field(min_length=1, max_length=500)] | None = Field(
        None, description="Address of a picture."
    )
    stock: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        0, description="Pieces on hand from the start."
    )


@operation("products.list", who=PUBLIC, input=ListProducts, result=Product, paged=True)
async def list_(ctx: Context, input: ListProducts) -> Page[Product]:
    """Products, newest first; managers see archived ones as well."""
    return await paging.page(ctx, PRODUCTS, input, input.sort, input.filters())


@operation("products.get", who=PUBLIC, input=ProductId, result=Product, errors=[ProductNotFound])
async def get(ctx: Context, input: ProductId) -> Product:
    """One product."""
    product = await ctx.reader.one(PRODUCT.by_ids, ids=[input.id], **ctx.sight)
    if product is None:
        raise ProductNotFound
    return product


@operation(
    "products.create",
    who=Permission.PRODUCTS_WRITE_ALL,
    input=CreateProduct,
    result=Product,
    errors=[CategoryNotFound],
    writes=True,
    key=Key.OPTIONAL,
    cost=5,
)
async def create(ctx: Context, tx: Transaction, input: CreateProduct) -> Product:
    """Add a product to the shop, with its first stock."""
    if await tx.one(CATEGORY.by_ids, ids=[input.category_id], **ctx.sight) is None:
        raise CategoryNotFound
    product_id = ctx.new_id()
    ctx.record("product", product_id, *sorted(input.model_fields_set))
    await tx.all(
        INSERT_PRODUCT,
        id=product_id,
        name=input.name,
        description=input.description,
        price=input.price,
        currency=ctx.settings.currency,
        category_id=input.category_id,
        tags=list(dict.fromkeys(input.tags)),
        metadata=input.metadata,
        image=input.image,
        created_at=ctx.now,
    )
    await tx.all(INSERT_STOCK, product_id=product_id, on_hand=input.stock)
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
    [product] = await tx.all(PRODUCT.stored, ids=[product_id])
    return product


async def by_ids(request: Request, ids: Sequence[str]) -> dict[str, Product]:
    """Products by id, as far as the caller may see them; relation of order lines."""
    rows = await request.reader.all(PRODUCT.by_ids, ids=list(ids), **glimpse(request, "products"))
    return {row.id: row for row in rows}
