"""Checks of the audit log: every entry has one seal, and the seals form one chain.

These checks do not compute hashes, which needs the secret: `tandem audit verify` does.
"""

from services.books.check import Check

AUDIT_CHECKS = (
    Check(
        "audit entries are sealed or wait for it",
        """
        SELECT id, (EXISTS (SELECT FROM audit_seals WHERE entry_id = audit_log.id))
            = (EXISTS (SELECT FROM audit_unsealed WHERE entry_id = audit_log.id))
        FROM audit_log
        """,
    ),
    Check(
        "audit seals have their entry",
        """
        SELECT entry_id, NOT EXISTS (SELECT FROM audit_log WHERE id = entry_id)
        FROM (SELECT entry_id FROM audit_seals UNION ALL SELECT entry_id FROM audit_unsealed)
        """,
    ),
    Check(
        "audit seals follow each other without gaps",
        """
        SELECT position, position <> coalesce(lag(position) OVER chain, 0) + 1
            OR previous <> coalesce(lag(hash) OVER chain, previous)
        FROM audit_seals WINDOW chain AS (ORDER BY position)
        """,
    ),
    Check(
        "no audit entry is sealed twice",
        "SELECT entry_id, count(*) > 1 FROM audit_seals GROUP BY entry_id",
    ),
    Check(
        "the audit chain ends with its last seal",
        """
        SELECT 'chain', (SELECT (position, hash) FROM audit_chain) IS DISTINCT FROM coalesce(
            (SELECT (position, hash) FROM audit_seals ORDER BY position DESC LIMIT 1),
            (SELECT (position, hash) FROM audit_chain WHERE position = 0))
        """,
    ),
)
