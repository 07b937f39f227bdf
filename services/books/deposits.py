"""Checks of deposits against their transfers and the provider's events."""

from services.books.check import Check

DEPOSIT_CHECKS = (
    Check(
        "deposits have their transfer once they succeed",
        """
        SELECT deposits.id, CASE status
            WHEN 'SUCCEEDED' THEN count(transfers.id) <> 1 OR NOT coalesce(bool_or(
                kind = 'DEPOSIT' AND EXISTS (
                    SELECT FROM postings JOIN accounts ON accounts.id = account_id
                    WHERE transfer_id = transfers.id AND postings.amount = deposits.amount
                        AND accounts.user_id = deposits.user_id)), false)
            ELSE count(transfers.id) > 0 END
        FROM deposits LEFT JOIN transfers ON deposit_id = deposits.id GROUP BY deposits.id
        """,
    ),
    Check(
        "deposits agree with the provider's events",
        """
        SELECT deposits.id, count(*) FILTER (WHERE settled) > 1 OR bool_or(
            provider_events.amount <> deposits.amount
            OR provider_events.currency <> deposits.currency
            OR status <> CASE WHEN provider_events.failure_code IS NULL
                THEN 'SUCCEEDED' ELSE 'FAILED' END)
            FILTER (WHERE provider_events.id IS NOT NULL) IS TRUE
        FROM deposits LEFT JOIN provider_events ON deposit_id = deposits.id GROUP BY deposits.id
        """,
    ),
)
