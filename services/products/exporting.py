"""The export of products: a file with the products that the list would show."""

from services.access.permissions import Permission
from services.exports.offering import Export, ExportInput, offered
from services.exports.row_files import RowFile
from services.operation.context import Context
from services.operation.operation import operation
from services.products.reading import PRODUCT, PRODUCTS, ProductFilters
from services.search.columns import search_values


class ExportProducts(ProductFilters, ExportInput):
    """Filters and format of the file of products."""


@operation(
    "products.export",
    who=Permission.PRODUCTS_READ_ALL,
    input=ExportProducts,
    result=Export,
    cost=50,
    file=RowFile(
        "products",
        "/admin/products/export",
        PRODUCT,
        PRODUCTS,
        filters=ExportProducts.filters,
        values=lambda input: search_values(input.search),
    ),
)
async def export(ctx: Context, input: ExportProducts) -> Export:
    """Export products, the oldest first: REST sends the file, GraphQL its URL.

    Archived ones are part of it. The header `X-Row-Count` has the number of rows when the export
    began. A file without its end was cut off: ask for the rest with `afterId`.
    """
    return await offered(ctx, input)
