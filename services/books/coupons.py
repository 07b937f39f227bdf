"""Checks of coupons: limits, redemptions and discounts.

A redeemed coupon is frozen, so its terms are still those that the order was placed with.
"""

from services.books.check import Check

COUPON_CHECKS = (
    Check(
        "coupons are redeemed within their limits",
        """
        WITH of_user AS (
            SELECT coupon_id, count(*) AS times FROM coupon_redemptions
            WHERE status <> 'RELEASED' GROUP BY coupon_id, user_id
        ), redeemed AS (
            SELECT coupon_id, sum(times) AS times, max(times) AS most_of_user
            FROM of_user GROUP BY coupon_id
        )
        SELECT id, coalesce(times > usage_limit, false)
            OR coalesce(most_of_user > per_user_limit, false)
        FROM coupons LEFT JOIN redeemed ON coupon_id = coupons.id
        """,
    ),
    Check(
        "orders hold, use and release coupons by their status",
        """
        SELECT orders.id, CASE WHEN order_id IS NULL THEN orders.coupon_id IS NOT NULL
            ELSE redeemed.coupon_id IS DISTINCT FROM orders.coupon_id
                OR redeemed.user_id <> customer_id
                OR redeemed.status <> CASE
                    WHEN EXISTS (
                        SELECT FROM order_history WHERE order_id = orders.id
                            AND to_status = 'CANCELLED' AND actor_id IS DISTINCT FROM customer_id
                    ) THEN 'RELEASED'
                    WHEN payment_status <> 'UNPAID' THEN 'USED'
                    WHEN orders.status IN ('PENDING', 'AWAITING_APPROVAL') THEN 'HELD'
                    ELSE 'RELEASED' END
            END
        FROM orders LEFT JOIN coupon_redemptions AS redeemed ON order_id = orders.id
        """,
    ),
    Check(
        "discounts are what coupons take off",
        """
        SELECT orders.id, CASE WHEN coupons.id IS NULL THEN discount <> 0
            ELSE discount IS DISTINCT FROM amount
                OR coupons.minimum_order > subtotal
                -- One minor unit is left to pay.
                OR discount <> least(
                    subtotal - 10::numeric ^ -tandem_decimals(orders.currency),
                    CASE kind WHEN 'PERCENT' THEN
                        round(subtotal * value / 100, tandem_decimals(orders.currency))
                    ELSE value END)
            END IS TRUE
        FROM orders
            LEFT JOIN coupon_redemptions ON order_id = orders.id
            LEFT JOIN coupons ON coupons.id = orders.coupon_id
        """,
    ),
)
