"""Amounts in the database: numerics that keep the decimals they were written with.

A trigger rounds what any writer writes to the decimals of the currency beside it, as a column of
two decimals did before. So readers print an amount as it is stored.
"""

from persistence.database.columns import MOST_DECIMALS

#: The columns of amounts with a currency beside them, by table.
AMOUNTS = {
    "accounts": ("balance", "held"),
    "products": ("price",),
    "orders": ("subtotal", "discount", "total", "tax", "refunded"),
    "payments": ("amount",),
    "deposits": ("amount",),
    "provider_events": ("amount",),
    "refunds": ("amount",),
    # A coupon's value may be a percentage, which has its own decimals.
    "coupons": ("minimum_order",),
    "coupon_redemptions": ("amount",),
    "projects": ("budget",),
}

FUNCTIONS = (
    # The decimals of ISO 4217, here so that a trigger's condition costs no look-up of a row.
    # tests/services/test_currencies.py compares them with the published list.
    f"""
    CREATE FUNCTION tandem_decimals(currency text) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE
        WHEN currency IN (
            'BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI',
            'VND', 'VUV', 'XAF', 'XOF', 'XPF') THEN 0
        WHEN currency IN ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') THEN {MOST_DECIMALS}
        WHEN currency IS NOT NULL THEN 2
    END
    """,
    # It runs only where a writer gave an amount other decimals, so it need not be fast.
    """
    CREATE FUNCTION tandem_round() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RETURN jsonb_populate_record(NEW, (
            SELECT jsonb_object_agg(key, round(value::numeric, tandem_decimals(NEW.currency)))
            FROM jsonb_each_text(to_jsonb(NEW)) WHERE key = ANY(TG_ARGV) AND value IS NOT NULL));
    END $$
    """,
)


def _trigger(table: str, columns: tuple[str, ...]) -> str:
    wrong = " OR ".join(f"scale(NEW.{name}) <> tandem_decimals(NEW.currency)" for name in columns)
    return (
        f"CREATE TRIGGER {table}_decimals BEFORE INSERT OR UPDATE OF {', '.join(columns)} "
        f"ON {table} FOR EACH ROW WHEN ({wrong}) EXECUTE FUNCTION tandem_round("
        + ", ".join(f"'{name}'" for name in columns)
        + ")"
    )


TRIGGERS = tuple(_trigger(table, columns) for table, columns in AMOUNTS.items())
