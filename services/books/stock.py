"""Checks of stock: pieces on hand, held, sold and returned."""

from persistence.orders.statuses import WAITING_STATUSES, listed
from services.books.check import Check

_WAITING = listed(WAITING_STATUSES)

STOCK_CHECKS = (
    Check(
        "stock on hand is the sum of its movements",
        """
        SELECT stock.product_id, on_hand <> coalesce(sum(quantity), 0)
        FROM stock LEFT JOIN stock_movements USING (product_id)
        GROUP BY stock.product_id
        """,
    ),
    # The sold pieces are counted in the orders here, not in the movements.
    Check(
        "on hand and sold are what came in",
        """
        WITH came AS (
            SELECT product_id, sum(quantity) AS pieces FROM stock_movements
            WHERE kind IN ('RECEIVED', 'ADJUSTED') GROUP BY product_id
        ), sold AS (
            SELECT product_id, sum(quantity) AS pieces
            FROM order_lines JOIN orders ON orders.id = order_id
            WHERE payment_status <> 'UNPAID' AND status <> 'CANCELLED' GROUP BY product_id
        ), restocked AS (
            SELECT product_id, sum(quantity) AS pieces
            FROM refund_lines JOIN refunds ON refunds.id = refund_id
            JOIN orders ON orders.id = order_id
            WHERE restocked AND status <> 'CANCELLED' GROUP BY product_id
        )
        SELECT product_id, on_hand + coalesce(sold.pieces, 0) - coalesce(restocked.pieces, 0)
            <> coalesce(came.pieces, 0)
        FROM stock LEFT JOIN came USING (product_id) LEFT JOIN sold USING (product_id)
        LEFT JOIN restocked USING (product_id)
        """,
    ),
    Check(
        "held stock lies between none and on hand",
        "SELECT product_id, held < 0 OR held > on_hand FROM stock",
    ),
    Check(
        "held stock is what waiting orders want",
        f"""
        WITH wanted AS (
            SELECT product_id, sum(quantity) AS pieces
            FROM order_lines JOIN orders ON orders.id = order_id
            WHERE status IN ({_WAITING}) GROUP BY product_id
        )
        SELECT product_id, held <> coalesce(pieces, 0)
        FROM stock LEFT JOIN wanted USING (product_id)
        """,  # noqa: S608 - our own words
    ),
)
