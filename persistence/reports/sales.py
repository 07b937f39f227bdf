"""Sales: what was paid and refunded in periods of time, by category or product."""

from decimal import Decimal
from typing import NamedTuple

import sqlalchemy as sa

from persistence.database.columns import Instant, InstantArray
from persistence.database.statements import Query


class Sales(NamedTuple):
    """Sales of one group in one period; of a whole period, or of all of them, without a group.

    ``period`` counts from 1, ``orders`` counts the orders that were paid. Amounts are exact; an
    amount of nothing may lack decimals.
    """

    period: int | None
    group_id: str | None
    name: str | None
    orders: int
    quantity: int
    gross: Decimal
    refunded_quantity: int
    refunded: Decimal


#: A payment is divided among the lines of its order by their totals, as `money.apportion` does it
#: for refunds: each share is rounded down to the minor unit, and the units left over go to the
#: largest remainders. A refund that names no pieces is divided alike. So the groups of a period sum
#: to the postings of the ledger, to the last unit.
#:
#: A payment and a refund count at their own times, each in its own period.
_SALES = """
WITH whole AS (
    SELECT created_at, order_id, id, amount, currency, false AS back
    FROM payments WHERE created_at >= :from AND created_at < :to
    UNION ALL
    SELECT created_at, order_id, id, amount, currency, true
    FROM refunds WHERE created_at >= :from AND created_at < :to
        AND NOT EXISTS (SELECT FROM refund_lines WHERE refund_id = refunds.id)
), weighed AS (
    SELECT whole.id, created_at, whole.order_id, back, position, product_id, quantity,
        ('1e-' || tandem_decimals(currency))::numeric AS unit,
        trunc(amount * ('1e' || tandem_decimals(currency))::numeric) AS units,
        total AS weight, sum(total) OVER (PARTITION BY whole.id) AS weights
    FROM whole JOIN order_lines USING (order_id)
), divided AS (
    SELECT *, div(units * weight, weights) AS share,
        row_number() OVER (
            PARTITION BY id ORDER BY mod(units * weight, weights) DESC, position) AS place,
        units - sum(div(units * weight, weights)) OVER (PARTITION BY id) AS left_over
    FROM weighed
), moved AS (
    SELECT created_at, order_id, product_id, back,
        CASE WHEN back THEN 0 ELSE quantity END AS pieces,
        (share + CASE WHEN place <= left_over THEN 1 ELSE 0 END) * unit AS amount
    FROM divided
    UNION ALL
    SELECT created_at, order_id, product_id, true, quantity, refund_lines.amount
    FROM refunds JOIN refund_lines ON refund_id = refunds.id
    WHERE created_at >= :from AND created_at < :to
), grouped AS (
    SELECT width_bucket(moved.created_at, :starts) AS period,
        {group}.id AS group_id, {group}.name, order_id, back, pieces, amount
    FROM moved JOIN products ON products.id = product_id {join}
)
SELECT period, group_id, name,
    count(DISTINCT order_id) FILTER (WHERE NOT back),
    coalesce(sum(pieces) FILTER (WHERE NOT back), 0)::bigint,
    coalesce(sum(amount) FILTER (WHERE NOT back), 0),
    coalesce(sum(pieces) FILTER (WHERE back), 0)::bigint,
    coalesce(sum(amount) FILTER (WHERE back), 0)
FROM grouped GROUP BY GROUPING SETS ((), (period), (period, group_id, name))
ORDER BY period NULLS FIRST, group_id IS NOT NULL, name, group_id
LIMIT :limit
"""


def _sales(group: str, join: str = "") -> Query[Sales]:
    statement = sa.text(_SALES.format(group=group, join=join)).bindparams(
        sa.bindparam("from", type_=Instant),
        sa.bindparam("to", type_=Instant),
        sa.bindparam("starts", type_=InstantArray),
        sa.bindparam("limit", type_=sa.BigInteger),
    )
    return Query(statement, Sales)


#: Values: ``from``, ``to``, the ``starts`` of the periods, and a ``limit`` of rows. Answers the sum
#: of all periods first; then for each period with sales its sum, and its groups by their names.
SALES_BY_PRODUCT = _sales("products")
SALES_BY_CATEGORY = _sales("categories", "JOIN categories ON categories.id = products.category_id")
