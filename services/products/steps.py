"""Steps that operations which change stock share, inside their transaction."""

from collections.abc import Mapping

from msgspec.structs import replace

from persistence.database.transactions import Transaction
from persistence.products.views import PRODUCT
from services.events import audience, types
from services.events.emitting import emit
from services.operation.context import Context


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
