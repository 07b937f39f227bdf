"""Checks of refunds: amounts, transfers, and the pieces that came back."""

from persistence.wallet import SHOP
from services.books.check import Check

REFUND_CHECKS = (
    # This checks the wallet's posting; the shop's posting follows, as a transfer sums to zero.
    Check(
        "refunds have their transfer",
        """
        SELECT refunds.id, NOT EXISTS (
            SELECT FROM payments
            JOIN orders ON orders.id = payments.order_id
            JOIN transfers ON reverses_id = payments.transfer_id
            JOIN postings ON postings.transfer_id = transfers.id
            JOIN accounts ON accounts.id = account_id
            WHERE payments.id = payment_id AND orders.id = refunds.order_id
                AND transfers.id = refunds.transfer_id AND transfers.order_id = orders.id
                AND transfers.kind = 'REFUND' AND postings.amount = refunds.amount
                AND accounts.user_id = orders.customer_id)
        FROM refunds
        """,
    ),
    Check(
        "orders are refunded by their refunds",
        f"""
        WITH noted AS (
            SELECT order_id, sum(amount) AS amount FROM refunds GROUP BY order_id
        ), moved AS (
            SELECT order_id, -sum(amount) AS amount
            FROM transfers JOIN postings ON transfer_id = transfers.id
            WHERE kind = 'REFUND' AND account_id = '{SHOP}' GROUP BY order_id
        )
        SELECT id, refunded <> coalesce(noted.amount, 0) OR refunded <> coalesce(moved.amount, 0)
        FROM orders LEFT JOIN noted ON noted.order_id = id LEFT JOIN moved ON moved.order_id = id
        """,  # noqa: S608 - our own words
    ),
    Check(
        "no order is refunded more than was paid",
        """
        SELECT orders.id, refunded > coalesce(sum(amount), 0)
        FROM orders LEFT JOIN payments ON order_id = orders.id GROUP BY orders.id
        """,
    ),
    Check(
        "payment status fits what was refunded",
        """
        SELECT id, CASE payment_status
            WHEN 'PARTIALLY_REFUNDED' THEN refunded <= 0 OR refunded >= total
            WHEN 'REFUNDED' THEN refunded <> total
            ELSE refunded <> 0 END
        FROM orders
        """,
    ),
    Check(
        "payments say whether they were refunded",
        """
        SELECT payments.id, payments.status <> CASE payment_status
            WHEN 'REFUNDED' THEN 'REFUNDED' ELSE 'COMPLETED' END
        FROM payments JOIN orders ON orders.id = order_id
        """,
    ),
    Check(
        "refunds of pieces are the sum of their lines",
        """
        SELECT refunds.id, refunds.amount <> sum(refund_lines.amount)
        FROM refunds JOIN refund_lines ON refund_id = refunds.id GROUP BY refunds.id
        """,
    ),
    Check(
        "no piece is refunded that was not bought",
        """
        WITH refunded AS (
            SELECT order_id, position, product_id, sum(quantity) AS pieces
            FROM refund_lines JOIN refunds ON refunds.id = refund_id
            GROUP BY order_id, position, product_id
        )
        SELECT order_id || ' line ' || position, pieces <= quantity IS NOT TRUE
        FROM refunded LEFT JOIN order_lines USING (order_id, position, product_id)
        """,
    ),
    # All pieces of a cancelled order come back, and only restocked pieces of other orders.
    Check(
        "pieces come back as their refunds say",
        """
        WITH returned AS (
            SELECT order_id, product_id, sum(quantity) AS pieces FROM stock_movements
            WHERE kind = 'RETURNED' GROUP BY order_id, product_id
        ), restocked AS (
            SELECT order_id, product_id, sum(quantity) AS pieces
            FROM refund_lines JOIN refunds ON refunds.id = refund_id
            WHERE restocked GROUP BY order_id, product_id
        )
        SELECT order_id || ' line ' || position, coalesce(returned.pieces, 0) <> CASE
                WHEN status = 'CANCELLED' AND paid_at IS NOT NULL THEN quantity
                ELSE coalesce(restocked.pieces, 0) END
            OR coalesce(returned.pieces, 0) > quantity
        FROM order_lines JOIN orders ON orders.id = order_id
        LEFT JOIN returned USING (order_id, product_id)
        LEFT JOIN restocked USING (order_id, product_id)
        """,
    ),
)
