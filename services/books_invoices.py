"""What the books check of invoices: names and statements, of the form that `Check` says."""

INVOICE_CHECKS = (
    (
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
    # The job is queued with the payment and leaves the queue with the invoice.
    (
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
    (
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
    (
        "invoices add up",
        """
        SELECT invoices.id, (
            (snapshot ->> 'subtotal')::numeric - (snapshot ->> 'discount')::numeric
                = (snapshot ->> 'total')::numeric
            AND (snapshot ->> 'subtotal')::numeric = (
                SELECT sum((line ->> 'total')::numeric)
                FROM jsonb_array_elements(snapshot -> 'lines') AS line)) IS NOT TRUE
        FROM invoices WHERE kind = 'INVOICE'
        """,
    ),
)
