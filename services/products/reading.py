"""Reads of products: one product, and a list with filters and search."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from persistence.products.views import PRODUCT, PRODUCTS, Product
from services.access.permissions import PUBLIC
from services.amounts import Bound
from services.errors.products import ProductNotFound
from services.operation import paging
from services.operation.context import Context, Request, Wanted, viewer_values_for_relation
from services.operation.inputs import (
    Flag,
    Input,
    Line,
    PathId,
    Reference,
    wrong,
)
from services.operation.operation import operation
from services.operation.paging import Page, Paged
from services.search.columns import search_values
from services.tags import Tag

ProductSort = Literal["-createdAt", "createdAt", "name", "-name", "price", "-price", "relevance"]


class ProductId(Input):
    """The product."""

    id: PathId = Field(description="The product's id.")


class ProductFilters(Input):
    """Filters of products."""

    category: Annotated[Line, Field(min_length=1, max_length=100)] | None = Field(
        None, description="Slug of the category."
    )
    category_id: Reference | None = Field(None, description="Id of the category.")
    tag: Tag | None = Field(None, description="A tag of the product; case does not matter.")
    min_price: Bound | None = Field(None, description="Lowest price.")
    max_price: Bound | None = Field(None, description="Highest price; not below minPrice.")
    in_stock: Flag | None = Field(
        None, description="True for products that can be ordered now, false for sold-out ones."
    )
    search: Annotated[Line, Field(min_length=1, max_length=200)] | None = Field(
        None,
        description=(
            "Words to find in name, tags or description, all of them, in any language. Case and "
            "accents do not matter, an English word is found in its other forms, a part number "
            'by its parts, and the last word by its beginning. "Quotes" find a phrase, -word '
            "excludes a word, and or gives a choice."
        ),
    )

    @model_validator(mode="after")
    def _refuse_empty_range(self) -> Self:
        low, high = self.min_price, self.max_price
        if low is not None and high is not None and high < low:
            raise wrong("CONFLICT", "Give a maxPrice that is not below minPrice.", "maxPrice")
        return self

    def filters(self) -> dict[str, Any]:
        """The filters by the names that the listing uses."""
        return {
            "category": self.category,
            "categoryId": self.category_id,
            "tag": self.tag,
            "minPrice": self.min_price,
            "maxPrice": self.max_price,
            "inStock": self.in_stock,
            "search": self.search,
        }


class ListProducts(ProductFilters, Paged):
    """Filters and sort of the list of products."""

    sort: ProductSort | None = Field(
        None,
        description=(
            "How the list is sorted: by relevance when it is searched, else newest first, if "
            "absent. Relevance puts words in the name before those in tags, and these before "
            "those in the description."
        ),
    )

    @model_validator(mode="after")
    def _refuse_relevance(self) -> Self:
        if self.sort == "relevance" and self.search is None:
            raise wrong("CONFLICT", "Give a search to sort by relevance.", "sort")
        return self

    @property
    def order(self) -> ProductSort:
        """How the list is sorted."""
        return self.sort or ("-createdAt" if self.search is None else "relevance")


@operation(
    "products.list",
    who=PUBLIC,
    input=ListProducts,
    result=Product,
    paged=True,
    # The list filters by a category's slug, so a changed category may change the list.
    cached=("product", "category"),
)
async def list_(ctx: Context, input: ListProducts) -> Page[Product]:
    """List the products, newest first, or the most relevant ones of a search first.

    Managers also see archived ones.
    """
    values = search_values(input.search)
    return await paging.page(ctx, PRODUCTS, input, input.order, input.filters(), **values)


@operation(
    "products.get",
    who=PUBLIC,
    input=ProductId,
    result=Product,
    errors=[ProductNotFound],
    cached=("product:",),
)
async def get(ctx: Context, input: ProductId) -> Product:
    """Read one product."""

    async def load() -> Product:
        product = await ctx.reader.one(PRODUCT.by_ids, ids=[input.id], **ctx.viewer_values)
        if product is None:
            raise ProductNotFound
        return product

    return await ctx.cached(Product, input.id, load)


async def by_ids(
    request: Request, ids: Sequence[str], wanted: Wanted | None = None
) -> dict[str, Product]:
    """Load the products that the caller may see, by id; relation of order lines."""
    rows = await request.reader.all(
        PRODUCT.of_ids(wanted), ids=list(ids), **viewer_values_for_relation(request, "products")
    )
    return {row.id: row for row in rows}
