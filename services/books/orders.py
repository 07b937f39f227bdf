"""Checks of orders: totals, payments, statuses and histories."""

from persistence.orders.statuses import MOVES
from services.books.check import Check

_STEPS = ", ".join(
    f"('{move.before}', '{move.after}')" if move.before else f"(NULL, '{move.after}')"
    for move in MOVES
)

ORDER_CHECKS = (
    Check(
        "no order is paid twice",
        """
        SELECT orders.id,
            (SELECT count(*) FROM payments WHERE order_id = orders.id) > 1 OR
            (SELECT count(*) FROM transfers WHERE order_id = orders.id AND kind = 'PAYMENT') > 1
        FROM orders
        """,
    ),
    # This checks the wallet's posting; the shop's posting follows, as a transfer sums to zero.
    Check(
        "paid orders have their payment",
        """
        SELECT orders.id, NOT EXISTS (
            SELECT FROM payments
            JOIN transfers ON transfers.id = transfer_id
            JOIN postings ON postings.transfer_id = transfers.id
            JOIN accounts ON accounts.id = account_id
            WHERE payments.order_id = orders.id AND transfers.order_id = orders.id
                AND transfers.kind = 'PAYMENT' AND payments.amount = orders.total
                AND postings.amount = -orders.total AND accounts.user_id = orders.customer_id)
        FROM orders WHERE payment_status <> 'UNPAID'
        """,
    ),
    Check(
        "unpaid orders have moved no money",
        """
        SELECT id, EXISTS (SELECT FROM payments WHERE order_id = orders.id)
            OR EXISTS (SELECT FROM transfers WHERE order_id = orders.id AND kind = 'PAYMENT')
        FROM orders WHERE payment_status = 'UNPAID'
        """,
    ),
    Check(
        "order totals are the sum of their lines less the discount",
        """
        SELECT orders.id,
            (sum(order_lines.total) = subtotal AND subtotal - discount = orders.total) IS NOT TRUE
        FROM orders LEFT JOIN order_lines ON order_id = orders.id GROUP BY orders.id
        """,
    ),
    Check(
        "line totals are price times quantity",
        "SELECT order_id || ' line ' || position, total <> unit_price * quantity FROM order_lines",
    ),
    Check(
        "payment status and times fit the status",
        """
        SELECT id, CASE
                WHEN status IN ('PAID', 'CONFIRMED', 'SHIPPED', 'DELIVERED')
                    THEN payment_status = 'UNPAID'
                WHEN status = 'CANCELLED' THEN payment_status NOT IN ('UNPAID', 'REFUNDED')
                ELSE payment_status <> 'UNPAID' END
            OR (paid_at IS NULL) <> (payment_status = 'UNPAID')
            OR (cancelled_at IS NULL) <> (status <> 'CANCELLED')
            OR (shipped_at IS NULL) <> (status NOT IN ('SHIPPED', 'DELIVERED'))
            OR (delivered_at IS NULL) <> (status <> 'DELIVERED')
        FROM orders
        """,
    ),
    # No order reaches a status twice. So a history is one unbroken path when every status but the
    # last is reached as often as it is left.
    Check(
        "histories lead to the status by allowed steps",
        f"""
        WITH step AS (
            SELECT order_id, from_status, to_status,
                NOT EXISTS (
                    SELECT FROM (VALUES {_STEPS}) AS allowed(before, after)
                    WHERE before IS NOT DISTINCT FROM from_status AND after = to_status
                ) AS forbidden
            FROM order_history
        ), way AS (
            SELECT order_id, to_status AS status, 1 AS turn FROM step
            UNION ALL SELECT order_id, from_status, -1 FROM step
            UNION ALL SELECT id, status, -1 FROM orders
            UNION ALL SELECT id, NULL, 1 FROM orders
        ), broken AS (
            SELECT order_id FROM step WHERE forbidden
            UNION SELECT order_id FROM way GROUP BY order_id, status HAVING sum(turn) <> 0
        )
        SELECT id, id IN (SELECT order_id FROM broken) FROM orders
        """,  # noqa: S608 - our own words
    ),
)
