"""Checks of idempotency keys."""

from services.books.check import Check

IDEMPOTENCY_CHECKS = (
    # A key and its outcome are committed together. The minute allows for clocks that differ.
    Check(
        "idempotency keys have their outcome",
        """
        SELECT concat_ws(' ', operation, key, 'of', caller_id),
            outcome IS NULL AND created_at < now() - interval '1 minute'
        FROM idempotency_keys
        """,
    ),
)
