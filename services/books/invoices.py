"""Checks of invoices and credit notes: numbers, amounts and tax."""

from services.books.check import Check

INVOICE_CHECKS = (
    Check(
        "invoice numbers have no gaps",
        """
        SELECT kind || ' ' || coalesce(series.year, counter.year),
            count(series.id) <> coalesce(max(sequence), 0)
            OR count(DISTINCT sequence) <> count(series.id)
            OR bool_or(series.number NOT LIKE '%' || series.year || '-%' || sequence)
            OR (counter.year = max(series.year) AND counter.last <> max(sequence))
            OR coalesce(counter.year, 0) < max(series.year)
        FROM invoice_counters AS counter FULL JOIN invoices AS series USING (kind)
        GROUP BY kind, coalesce(series.year, counter.year), counter.year, counter.last
        """,
    ),
    # The job is queued in the payment's transaction and leaves the queue once the invoice exists.
    Check(
        "payments have their invoice or wait for it",
        """
        WITH waiting AS (
            SELECT convert_from(payload, 'UTF8')::jsonb -> 'data' ->> 'orderId' AS order_id
            FROM jobs WHERE entrypoint = 'invoices.issue'
        )
        SELECT payments.id,
            NOT EXISTS (
                SELECT FROM invoices WHERE order_id = payments.order_id AND kind = 'INVOICE')
            AND payments.order_id::text NOT IN (SELECT order_id FROM waiting)
        FROM payments
        """,
    ),
    Check(
        "invoices say what was paid",
        """
        SELECT invoices.id, (
            (snapshot ->> 'total')::numeric = orders.total
            AND (snapshot ->> 'tax')::numeric = orders.tax
            AND snapshot ->> 'currency' = orders.currency
            AND snapshot ->> 'orderNumber' = orders.number) IS NOT TRUE
        FROM invoices LEFT JOIN orders ON orders.id = order_id WHERE kind = 'INVOICE'
        """,
    ),
    Check(
        "refunds have their credit note or wait for it",
        """
        WITH waiting AS (
            SELECT convert_from(payload, 'UTF8')::jsonb -> 'data' ->> 'refundId' AS refund_id
            FROM jobs WHERE entrypoint = 'invoices.credit'
        )
        SELECT refunds.id,
            NOT EXISTS (SELECT FROM invoices WHERE refund_id = refunds.id)
            AND refunds.id::text NOT IN (SELECT refund_id FROM waiting)
        FROM refunds
        """,
    ),
    Check(
        "credit notes say what was given back",
        """
        SELECT note.id, (
            (note.snapshot ->> 'total')::numeric = refunds.amount
            AND note.snapshot ->> 'currency' = invoice.snapshot ->> 'currency'
            AND note.order_id = refunds.order_id AND invoice.order_id = note.order_id
            AND invoice.kind = 'INVOICE'
            AND note.snapshot ->> 'correctsNumber' = invoice.number) IS NOT TRUE
        FROM invoices AS note LEFT JOIN refunds ON refunds.id = note.refund_id
            LEFT JOIN invoices AS invoice ON invoice.id = note.corrects_id
        WHERE note.kind = 'CREDIT_NOTE'
        """,
    ),
    Check(
        "credit notes have the tax of what they correct",
        """
        SELECT invoice.id, (
            sum((note.snapshot ->> 'total')::numeric) <= (invoice.snapshot ->> 'total')::numeric
            AND sum((note.snapshot ->> 'tax')::numeric) = round(
                (invoice.snapshot ->> 'tax')::numeric * sum((note.snapshot ->> 'total')::numeric)
                    / (invoice.snapshot ->> 'total')::numeric,
                tandem_decimals(invoice.snapshot ->> 'currency'))) IS NOT TRUE
        FROM invoices AS note JOIN invoices AS invoice ON invoice.id = note.corrects_id
        GROUP BY invoice.id
        """,
    ),
    Check(
        "invoices add up",
        """
        SELECT invoices.id, (
            (snapshot ->> 'subtotal')::numeric - (snapshot ->> 'discount')::numeric
                = (snapshot ->> 'total')::numeric
            AND (kind = 'CREDIT_NOTE' AND snapshot -> 'lines' = '[]'
                OR (snapshot ->> 'subtotal')::numeric = (
                    SELECT sum((line ->> 'total')::numeric)
                    FROM jsonb_array_elements(snapshot -> 'lines') AS line))) IS NOT TRUE
        FROM invoices
        """,
    ),
)
