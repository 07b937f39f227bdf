"""Amounts with the decimals of their currency, and the currency that a database keeps

A type without scale rewrites no table, and leaves each amount the decimals that it has. The rules
over amounts are dropped before and added without a look at the rows, which 0023 takes: so no table
is locked for longer than a moment. Only a database in a currency of other decimals is written anew.

Revision ID: 0022
Revises: 0021
"""

import sqlalchemy as sa
from alembic import context, op

from persistence.migrate import Refused

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

# Accounts are locked before orders, as placing and paying an order do.
BESIDE_A_CURRENCY = {
    "accounts": ("balance", "held"),
    "products": ("price",),
    "orders": ("subtotal", "discount", "total", "tax", "refunded"),
    "payments": ("amount",),
    "deposits": ("amount",),
    "provider_events": ("amount",),
    "refunds": ("amount",),
    "coupons": ("minimum_order",),
    "coupon_redemptions": ("amount",),
}
AMOUNTS = {
    **BESIDE_A_CURRENCY,
    "coupons": ("value", "minimum_order"),
    "postings": ("amount", "balance_after"),
    "order_lines": ("unit_price", "total"),
    "refund_lines": ("amount",),
}
FUNCTIONS = (
    """
    CREATE FUNCTION tandem_decimals(currency text) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE
        WHEN currency IN (
            'BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI',
            'VND', 'VUV', 'XAF', 'XOF', 'XPF') THEN 0
        WHEN currency IN ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') THEN 3
        WHEN currency IS NOT NULL THEN 2
    END
    """,
    """
    CREATE FUNCTION tandem_round() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RETURN jsonb_populate_record(NEW, (
            SELECT jsonb_object_agg(key, round(value::numeric, tandem_decimals(NEW.currency)))
            FROM jsonb_each_text(to_jsonb(NEW)) WHERE key = ANY(TG_ARGV) AND value IS NOT NULL));
    END $$
    """,
)
RECORD = """
INSERT INTO shop (currency)
SELECT currency FROM (
    SELECT currency FROM accounts UNION ALL SELECT currency FROM products
    UNION ALL SELECT currency FROM coupons
) AS used WHERE currency IS NOT NULL LIMIT 1
"""
REFUSE_CHANGES = (
    "CREATE TRIGGER shop_refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON shop "
    "FOR EACH STATEMENT EXECUTE FUNCTION tandem_refuse()"
)
# Triggers that name a column of an amount; its type cannot change under them.
TRIGGERS = {
    "accounts_held": (
        "accounts",
        "CREATE TRIGGER accounts_held BEFORE UPDATE OF held ON accounts "
        "FOR EACH ROW WHEN (NEW.held > OLD.held AND NEW.held > NEW.balance) "
        "EXECUTE FUNCTION tandem_unfunded()",
    ),
    "payments_refuse": (
        "payments",
        "CREATE TRIGGER payments_refuse "
        "BEFORE UPDATE OF id, order_id, transfer_id, amount, currency, created_at "
        "OR DELETE OR TRUNCATE ON payments FOR EACH STATEMENT EXECUTE FUNCTION tandem_refuse()",
    ),
}
RULES = sa.text("""
SELECT conname, pg_get_constraintdef(oid) AS rule FROM pg_constraint
WHERE conrelid = CAST(:table AS regclass) AND contype = 'c' AND conkey && ARRAY(
    SELECT attnum FROM pg_attribute
    WHERE attrelid = CAST(:table AS regclass) AND attname = ANY(:columns))
""")
KEPT = sa.text("SELECT currency, tandem_decimals(currency) AS decimals FROM shop")
#: A percentage has two decimals, whatever the currency.
PERCENTAGE = {"coupons.value": "kind = 'PERCENT'"}


def upgrade() -> None:
    op.create_table(
        "shop",
        sa.Column(
            "id",
            sa.SmallInteger(),
            server_default=sa.text("1"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("id = 1", name=op.f("shop_single_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("shop_pkey")),
    )
    op.execute(RECORD)
    op.execute(REFUSE_CHANGES)
    for function in FUNCTIONS:
        op.execute(function)
    for name, (table, _) in TRIGGERS.items():
        op.execute(f"DROP TRIGGER {name} ON {table}")
    kept = op.get_bind().execute(KEPT).first()
    decimals = 2 if kept is None else kept.decimals
    if kept is not None and decimals < 2:
        _refuse_fractions(kept.currency)
    for table, columns in AMOUNTS.items():
        scale = " AND ".join(f"scale({name}) <= 3" for name in columns)
        rules = {
            **_retyped(table, columns, "numeric", decimals),
            f"{table}_scale_check": f"CHECK ({scale})",
        }
        added = ", ".join(f"ADD CONSTRAINT {name} {rule} NOT VALID" for name, rule in rules.items())
        op.execute(f"ALTER TABLE {table} {added}")
    for _, trigger in TRIGGERS.values():
        op.execute(trigger)
    for table, columns in BESIDE_A_CURRENCY.items():
        wrong = [f"scale(NEW.{name}) <> tandem_decimals(NEW.currency)" for name in columns]
        op.execute(
            f"CREATE TRIGGER {table}_decimals BEFORE INSERT OR UPDATE OF {', '.join(columns)} "
            f"ON {table} FOR EACH ROW WHEN ({' OR '.join(wrong)}) EXECUTE FUNCTION tandem_round("
            + ", ".join(f"'{name}'" for name in columns)
            + ")"
        )


def downgrade() -> None:
    # A database that is emptied loses its amounts anyway.
    lost = context.config.attributes.get("loses_everything", False)
    if not lost:
        _refuse_other_decimals()
    for table in BESIDE_A_CURRENCY:
        op.execute(f"DROP TRIGGER {table}_decimals ON {table}")
    for name, (table, _) in TRIGGERS.items():
        op.execute(f"DROP TRIGGER {name} ON {table}")
    for table, columns in AMOUNTS.items():
        op.drop_constraint(op.f(f"{table}_scale_check"), table)
        rules = _retyped(table, columns, "numeric(20, 2)")
        check = " NOT VALID" if lost else ""
        for name, rule in rules.items():
            op.execute(
                f"ALTER TABLE {table} ADD CONSTRAINT {name} {rule.removesuffix(' NOT VALID')}{check}"
            )
    for _, trigger in TRIGGERS.values():
        op.execute(trigger)
    op.execute("DROP FUNCTION tandem_round()")
    op.execute("DROP FUNCTION tandem_decimals(text)")
    op.drop_table("shop")


def _retyped(table: str, columns: tuple[str, ...], kind: str, decimals: int = 2) -> dict[str, str]:
    """Change the type of a table's amounts; answers the rules over them, which are dropped."""
    values = {"table": table, "columns": list(columns)}
    rules = {row.conname: row.rule for row in op.get_bind().execute(RULES, values)}
    changes = [f"DROP CONSTRAINT {name}" for name in rules]
    for name in columns:
        change = f"ALTER COLUMN {name} TYPE {kind}"
        if decimals != 2:
            percentage = PERCENTAGE.get(f"{table}.{name}", "false")
            change += (
                f" USING CASE WHEN {percentage} THEN {name} ELSE round({name}, {decimals}) END"
            )
        changes.append(change)
    op.execute(f"ALTER TABLE {table} {', '.join(changes)}")
    return rules


def _refuse_fractions(currency: str) -> None:
    """Refuse amounts that a currency without decimals cannot have: rounding would lose money."""
    for table, columns in AMOUNTS.items():
        broken = " OR ".join(
            f"NOT {PERCENTAGE.get(f'{table}.{name}', 'false')} AND {name} <> trunc({name})"
            for name in columns
        )
        found = f"SELECT EXISTS (SELECT FROM {table} WHERE {broken})"  # noqa: S608 - our own words
        if op.get_bind().scalar(sa.text(found)):
            raise Refused(
                f"{currency} has no decimals, and {table} has amounts with some: make them whole"
                " before you migrate."
            )


def _refuse_other_decimals() -> None:
    """Refuse the way back where two decimals cannot hold or would not show the amounts."""
    kept = op.get_bind().execute(KEPT).first()
    if kept is not None and kept.decimals != 2:
        raise Refused(
            f"Revision 0021 has two decimals for every amount, and {kept.currency} has {kept.decimals}:"
            " this database cannot go back."
        )
    for table, columns in AMOUNTS.items():
        finer = " OR ".join(f"scale({name}) > 2" for name in columns)
        found = f"SELECT EXISTS (SELECT FROM {table} WHERE {finer})"  # noqa: S608 - our own words
        if op.get_bind().scalar(sa.text(found)):
            raise Refused(
                f"Revision 0021 has two decimals for every amount, and {table} has amounts with"
                " three: this database cannot go back."
            )
