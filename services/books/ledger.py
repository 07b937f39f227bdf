"""Checks of the ledger: transfers, postings, wallets and currencies."""

from persistence.orders.statuses import WAITING_STATUSES, listed
from persistence.wallet import SHOP
from services.books.check import Check

_WAITING = listed(WAITING_STATUSES)

LEDGER_CHECKS = (
    Check(
        "transfers sum to zero",
        """
        SELECT transfers.id, sum(amount) = 0 IS NOT TRUE
        FROM transfers LEFT JOIN postings ON transfer_id = transfers.id GROUP BY transfers.id
        """,
    ),
    Check(
        "all postings sum to zero",
        "SELECT 'postings', coalesce(sum(amount), 0) <> 0 FROM postings",
    ),
    Check(
        "transfers have a cause",
        """
        SELECT id, CASE kind
            WHEN 'DEPOSIT' THEN deposit_id IS NULL OR order_id IS NOT NULL
            ELSE order_id IS NULL OR deposit_id IS NOT NULL END
        FROM transfers
        """,
    ),
    Check(
        "wallets hold the sum of their postings",
        """
        SELECT accounts.id, balance <> coalesce(sum(amount), 0)
        FROM accounts LEFT JOIN postings ON account_id = accounts.id
        WHERE kind = 'WALLET' GROUP BY accounts.id
        """,
    ),
    # The postings lead from one balance to the next, from 0 to the sum. So every balance but the
    # first and the last is reached as often as it is left, in any order of the postings.
    Check(
        "balances after postings follow each other",
        """
        WITH wallet AS (
            SELECT accounts.id, coalesce(sum(amount), 0) AS last
            FROM accounts LEFT JOIN postings ON account_id = accounts.id
            WHERE kind = 'WALLET' GROUP BY accounts.id
        ), way AS (
            SELECT id, 0::numeric AS balance, 1 AS turn FROM wallet
            UNION ALL SELECT id, last, -1 FROM wallet
            UNION ALL SELECT account_id, balance_after, 1 FROM postings
            UNION ALL SELECT account_id, balance_after - amount, -1 FROM postings
        ), uneven AS (
            SELECT id FROM way GROUP BY id, balance HAVING sum(turn) <> 0
            UNION SELECT account_id FROM postings JOIN wallet ON wallet.id = account_id
            WHERE balance_after IS NULL
        )
        SELECT id, id IN (SELECT id FROM uneven) FROM wallet
        """,
    ),
    Check(
        "wallets are not negative",
        """
        SELECT id, balance < 0 OR EXISTS (
            SELECT FROM postings WHERE account_id = accounts.id AND balance_after < 0)
        FROM accounts WHERE kind = 'WALLET'
        """,
    ),
    Check(
        "wallets hold what waiting orders cost",
        f"""
        WITH waiting AS (
            SELECT customer_id AS user_id, sum(total) AS amount
            FROM orders WHERE status IN ({_WAITING}) GROUP BY customer_id
        )
        SELECT id, held <> coalesce(amount, 0)
        FROM accounts LEFT JOIN waiting USING (user_id) WHERE kind = 'WALLET'
        """,  # noqa: S608 - our own words
    ),
    Check(
        "shop revenue is payments less refunds",
        f"""
        SELECT 'revenue',
            (SELECT coalesce(sum(amount), 0) FROM postings WHERE account_id = '{SHOP}') <>
            (SELECT coalesce(sum(amount), 0) FROM payments) -
            (SELECT coalesce(sum(refunded), 0) FROM orders)
        """,  # noqa: S608 - our own words
    ),
    Check(
        "currencies agree",
        """
        SELECT orders.id, orders.currency <> accounts.currency
        FROM orders LEFT JOIN accounts ON user_id = customer_id
        UNION ALL SELECT deposits.id, deposits.currency <> accounts.currency
        FROM deposits LEFT JOIN accounts USING (user_id)
        UNION ALL SELECT payments.id, payments.currency <> orders.currency
        FROM payments LEFT JOIN orders ON orders.id = order_id
        UNION ALL SELECT refunds.id, refunds.currency <> orders.currency
        FROM refunds LEFT JOIN orders ON orders.id = order_id
        UNION ALL SELECT accounts.id, accounts.currency <> shop.currency
        FROM accounts CROSS JOIN shop WHERE kind = 'WALLET'
        UNION ALL SELECT products.id, products.currency <> shop.currency
        FROM products CROSS JOIN shop
        UNION ALL SELECT coupons.id, coupons.currency <> shop.currency
        FROM coupons CROSS JOIN shop
        """,
    ),
    # An amount is printed with the decimals that are stored.
    Check(
        "amounts have the decimals of their currency",
        """
        WITH amount AS (
            SELECT id, currency, unnest(ARRAY[balance, held]) AS value
            FROM accounts WHERE kind = 'WALLET'
            UNION ALL SELECT postings.id, accounts.currency, unnest(ARRAY[amount, balance_after])
            FROM postings JOIN accounts ON accounts.id = account_id WHERE kind = 'WALLET'
            UNION ALL SELECT id, currency, price FROM products
            UNION ALL SELECT id, currency,
                unnest(ARRAY[subtotal, discount, orders.total, tax, refunded]) FROM orders
            UNION ALL SELECT orders.id, currency, unnest(ARRAY[unit_price, order_lines.total])
            FROM order_lines JOIN orders ON orders.id = order_id
            UNION ALL SELECT id, currency, amount FROM payments
            UNION ALL SELECT id, currency, amount FROM deposits
            UNION ALL SELECT id, currency, amount FROM refunds
            UNION ALL SELECT refunds.id, currency, refund_lines.amount
            FROM refund_lines JOIN refunds ON refunds.id = refund_id
            UNION ALL SELECT id, currency, minimum_order FROM coupons
            UNION ALL SELECT id, CASE kind WHEN 'FIXED' THEN currency ELSE 'EUR' END, value
            FROM coupons -- a percentage has two decimals, as EUR has
            UNION ALL SELECT order_id, currency, amount FROM coupon_redemptions
        )
        SELECT id, bool_or(scale(value) <> tandem_decimals(currency)) IS TRUE
        FROM amount GROUP BY id
        """,
    ),
)
